/** Whether a user may do what a request asks. */
import { MinkeError } from "../../../base/errors.ts";
import type { RequestContext } from "../context.ts";
import type { RequestInfo } from "../request-info.ts";
import { isMaster, type User } from "./user.ts";

const OPEN_PATHS = new Set(["/healthz", "/livez", "/readyz", "/version"]);

/** Throws 403 when not. */
export function authorize({ request }: RequestContext, user: User, info: RequestInfo): void {
  if (isMaster(user)) return;
  if (info.type === "path" && OPEN_PATHS.has(info.path)) return;
  const verb = (request.method ?? "GET").toLowerCase();
  const what =
    info.type === "path" ? `path "${info.path}"` : `resource "${info.resource}" in API group "${info.group}"`;
  throw new MinkeError("PermissionDenied", `forbidden: User "${user.name}" cannot ${verb} ${what}`);
}
