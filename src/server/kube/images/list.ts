import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

/** All images. */
export async function listImages(context: RequestContext): Promise<void> {
  sendJson(context, 200, { items: await context.node.images.list() });
}
