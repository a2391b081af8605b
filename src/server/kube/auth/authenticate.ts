/**
 * Who sends a request: root over the unix socket, a client certificate, a service account's token, or nobody we know.
 * A certificate counts before a token, as in Kubernetes.
 */
import type { IncomingMessage } from "node:http";

import { MinkeError } from "../../../base/errors.ts";
import type { RequestContext } from "../context.ts";
import { certificateUser } from "./client-certificate.ts";
import { ANONYMOUS, SOCKET_USER, type User } from "./user.ts";

/** What anyone may ask, so that a load balancer or a probe needs no credential. */
const OPEN_PATHS = new Set(["/healthz", "/livez", "/readyz", "/version"]);
/** How a browser, which can set no header, sends a token with a WebSocket: base64url behind this. */
const WEB_SOCKET_BEARER = "base64url.bearer.authorization.k8s.io.";

/** Throws 401 for a credential that is not good, and for none at all where one is needed. */
export function authenticate(context: Pick<RequestContext, "request" | "path" | "node">, local: boolean): User {
  if (local) return SOCKET_USER;
  const { request, path, node } = context;
  const user = certificateUser(request, node.clock.now());
  if (typeof user === "object") return user;
  const token = bearerToken(request);
  const identity = token === undefined ? undefined : node.tokens.authenticate(token);
  if (identity) return identity.user;
  if (user === "none" && token === undefined && OPEN_PATHS.has(path)) return ANONYMOUS;
  throw unauthorized();
}

function bearerToken({ headers }: IncomingMessage): string | undefined {
  const [, token] = /^bearer +(\S+)\s*$/i.exec(headers.authorization ?? "") ?? [];
  if (token !== undefined) return token;
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const encoded = offered.find((name) => name.startsWith(WEB_SOCKET_BEARER));
  return encoded && Buffer.from(encoded.slice(WEB_SOCKET_BEARER.length), "base64url").toString("utf8");
}

/** In the words of Kubernetes, which says no more to a stranger. */
function unauthorized(): MinkeError {
  return new MinkeError("PermissionDenied", "Unauthorized", { reason: "Unauthorized" });
}
