import { success } from "../../../api/status.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { requireQuery } from "./query.ts";
import { imageNotFound } from "./show.ts";

/** Removes a name, and the content with its last name. */
export async function removeImage(context: RequestContext): Promise<void> {
  const reference = requireQuery(context, "reference");
  if (!(await context.node.images.status(reference))) throw imageNotFound(reference);
  await context.node.images.remove(reference);
  sendJson(context, 200, success({ name: reference, kind: "images" }));
}
