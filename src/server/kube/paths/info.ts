import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

/** What this node is and stands on. */
export async function info(context: RequestContext): Promise<void> {
  sendJson(context, 200, await context.node.nodeInfo());
}
