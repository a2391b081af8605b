import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

/** Reads all content of an image, or of all, and tells what is wrong. */
export async function verifyImages(context: RequestContext): Promise<void> {
  const { node, query, signal } = context;
  sendJson(context, 200, { items: await node.images.verify(query.get("reference") ?? undefined, { signal }) });
}
