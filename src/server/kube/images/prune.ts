import type { RequestContext } from "../context.ts";
import { isTrue } from "../request-info.ts";
import { sendJson } from "../respond.ts";
import { imagesInUse } from "./in-use.ts";

/** Removes images that no name needs; with `all`, those that no Pod needs. */
export async function pruneImages(context: RequestContext): Promise<void> {
  const { node, query } = context;
  const options = { all: isTrue(query.get("all")), inUse: await imagesInUse(node) };
  sendJson(context, 200, await node.images.prune(options));
}
