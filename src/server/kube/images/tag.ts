import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { requireQuery } from "./query.ts";

/** Gives an image another name. */
export async function tagImage(context: RequestContext): Promise<void> {
  sendJson(
    context,
    200,
    await context.node.images.tag(requireQuery(context, "source"), requireQuery(context, "target")),
  );
}
