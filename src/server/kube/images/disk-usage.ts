import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { imagesInUse } from "./in-use.ts";

/** What the image store takes, and what no Pod needs of it. */
export async function showDiskUsage(context: RequestContext): Promise<void> {
  const { node } = context;
  sendJson(context, 200, await node.images.diskUsage({ inUse: await imagesInUse(node) }));
}
