/**
 * Keeps web pages away. A page whose name is made to point at this machine (DNS rebinding) says that name as the host; a
 * page of another site that opens a connection says its own as the origin. Neither is a name of this node.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

import { MinkeError } from "../../../base/errors.ts";

const OWN_NAMES = new Set([
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
]);

/**
 * Throws 403 for a request that a page of another site has sent. Over the unix socket (`local`) the host can be anything:
 * no name leads there.
 */
export function guardFromBrowsers(
  { headers }: Pick<IncomingMessage, "headers">,
  { local, nodeName }: { readonly local: boolean; readonly nodeName: string },
): void {
  // HTTP/2 has it as a header of its own (RFC 9113 §8.3.1).
  const host = hostOf(`http://${(headers[":authority"] as string | undefined) ?? headers.host ?? ""}`);
  if (!local && !(host !== undefined && (isIP(host) > 0 || isOwn(host, nodeName)))) {
    throw refused("Host", headers.host ?? "", "is not a name of this node; use its address, or localhost");
  }
  const { origin } = headers;
  if (origin === undefined) return;
  const from = hostOf(origin);
  if (from !== undefined && (from === host || isOwn(from, nodeName) || isLoopback(from))) return;
  throw refused("Origin", origin, "is another site's");
}

function isOwn(name: string, nodeName: string): boolean {
  return OWN_NAMES.has(name) || name === nodeName;
}

function isLoopback(address: string): boolean {
  return isIP(address) > 0 && (address.startsWith("127.") || address === "::1");
}

/** The host of a URL in lower case, an IPv6 address without its brackets; undefined when it is none. */
function hostOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (!parsed || parsed.hostname === "") return undefined;
  return parsed.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

function refused(header: string, value: string, why: string): MinkeError {
  return new MinkeError("PermissionDenied", `forbidden: ${header} ${JSON.stringify(value)} ${why}`);
}
