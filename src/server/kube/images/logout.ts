import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { requireQuery } from "./query.ts";

/** Forgets what the node has for a registry. */
export async function logOutOfRegistry(context: RequestContext): Promise<void> {
  const registry = requireQuery(context, "registry");
  sendJson(context, 200, { removedFrom: await context.node.images.logout(registry) });
}
