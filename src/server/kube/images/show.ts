import { MinkeError } from "../../../base/errors.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { requireQuery } from "./query.ts";

/** One image, by reference, short name or id. */
export async function showImage(context: RequestContext): Promise<void> {
  const reference = requireQuery(context, "reference");
  const image = await context.node.images.status(reference);
  if (!image) throw imageNotFound(reference);
  sendJson(context, 200, image);
}

export function imageNotFound(reference: string): MinkeError {
  return new MinkeError(
    "NotFound",
    `Cannot find image "${reference}": it is not on this node; see "minke image list"`,
    { details: { name: reference, kind: "images" } },
  );
}
