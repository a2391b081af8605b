import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { requireQuery } from "./query.ts";

/** How an image came to be. */
export async function showHistory(context: RequestContext): Promise<void> {
  sendJson(context, 200, { items: await context.node.images.history(requireQuery(context, "reference")) });
}
