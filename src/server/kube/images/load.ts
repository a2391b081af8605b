import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

/** Loads all images of the archive in the body. */
export async function loadImages(context: RequestContext): Promise<void> {
  sendJson(context, 201, { items: await context.node.images.load(context.request as AsyncIterable<Uint8Array>) });
}
