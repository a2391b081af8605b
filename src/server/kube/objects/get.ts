import { notFound } from "../../../api/status.ts";
import type { KubeObject } from "../../../api/object.ts";
import { resourceNameOf } from "../../../api/resources.ts";
import type { ResourceContext } from "../context.ts";
import { sendObject } from "../respond.ts";
import { requireNotAhead } from "./list-options.ts";

/** GET of one object. `resourceVersion` is a lower bound, which the store meets unless it lies in the future. */
export async function getObject(context: ResourceContext): Promise<void> {
  requireNotAhead(context, context.query.get("resourceVersion") ?? "");
  await sendObject(context, 200, storedObject(context));
}

/** The object that the request names, or `NotFound`. */
export function storedObject(context: ResourceContext): KubeObject {
  const { resource, info, node } = context;
  const { namespace, name } = info;
  const object = node.store.get({ resource: resourceNameOf(resource), namespace, name });
  if (!object) throw notFound(resource, name);
  return object;
}
