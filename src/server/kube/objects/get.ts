import { notFound } from "../../../api/status.ts";
import type { KubeObject } from "../../../api/object.ts";
import { resourceNameOf } from "../../../api/resources.ts";
import type { ResourceContext } from "../context.ts";
import { sendObject } from "../respond.ts";

/** GET of one object. `resourceVersion` is a lower bound that the store always meets. */
export function getObject(context: ResourceContext): void {
  sendObject(context, 200, storedObject(context));
}

/** The object that the request names, or `NotFound`. */
export function storedObject(context: ResourceContext): KubeObject {
  const { resource, info, node } = context;
  const { namespace, name } = info;
  const object = node.store.get({ resource: resourceNameOf(resource), namespace, name });
  if (!object) throw notFound(resource, name);
  return object;
}
