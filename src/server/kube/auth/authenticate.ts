/** Who sends a request: root over the unix socket, a client certificate, or nobody we know. */
import { MinkeError } from "../../../base/errors.ts";
import type { RequestContext } from "../context.ts";
import { certificateUser } from "./client-certificate.ts";
import { ANONYMOUS, SOCKET_USER, type User } from "./user.ts";

/** What anyone may ask, so that a load balancer or a probe needs no credential. */
const OPEN_PATHS = new Set(["/healthz", "/livez", "/readyz", "/version"]);

/** Throws 401 for a credential that is not good, and for none at all where one is needed. */
export function authenticate({ request, path, node }: RequestContext, local: boolean): User {
  if (local) return SOCKET_USER;
  const user = certificateUser(request, node.clock.now());
  if (user === "refused") throw unauthorized();
  if (user !== "none") return user;
  if (OPEN_PATHS.has(path)) return ANONYMOUS;
  throw unauthorized();
}

/** In the words of Kubernetes, which says no more to a stranger. */
function unauthorized(): MinkeError {
  return new MinkeError("PermissionDenied", "Unauthorized", { reason: "Unauthorized" });
}
