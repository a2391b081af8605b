/** The node's own group, `/apis/node.minke.dev/v1alpha1/`: images, facts about the node, traces, client certificates. Plain JSON. */
import type { PathHandler } from "./context.ts";
import { imageHandlerOf } from "./images/image-routes.ts";
import { issueClientCertificate } from "./paths/client-certificate.ts";
import { info } from "./paths/info.ts";
import { sendStoreBackup } from "./paths/store-backup.ts";
import { podTrace } from "./paths/trace.ts";

export const NODE_GROUP_PATH = "/apis/node.minke.dev/v1alpha1/";

/** The handler of a path of this group; undefined when the path is none. */
export function nodePath(method: string, path: string): PathHandler | undefined {
  if (!path.startsWith(NODE_GROUP_PATH)) return undefined;
  const rest = path.slice(NODE_GROUP_PATH.length);
  if (rest === "info" && method === "GET") return info;
  if (rest === "storebackup" && method === "GET") return sendStoreBackup;
  if (rest === "clientcertificates" && method === "POST") return issueClientCertificate;
  const trace = /^namespaces\/([^/]+)\/pods\/([^/]+)\/trace$/.exec(rest);
  if (trace && method === "GET") {
    return (context) => podTrace(context, decodeURIComponent(trace[1]!), decodeURIComponent(trace[2]!));
  }
  return imageHandlerOf(method, rest);
}
