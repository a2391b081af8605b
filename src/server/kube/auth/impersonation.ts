/** Acting as somebody else. */
import { MinkeError } from "../../../base/errors.ts";
import type { RequestContext } from "../context.ts";
import { isMaster, type User } from "./user.ts";

/** Throws 403 unless the request's user may act as this one. */
export function requireImpersonation({ user }: RequestContext, as: User): void {
  if (isMaster(user)) return;
  throw new MinkeError(
    "PermissionDenied",
    `users "${as.name}" is forbidden: User "${user.name}" cannot impersonate resource "users" in API group "" at the cluster scope`,
    { details: { resource: "users", name: as.name } },
  );
}
