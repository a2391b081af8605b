/** Objects that wait for their deletion until the last finalizer is gone. */
import type { KubeObject } from "../../../api/object.ts";
import { type Resource, resourceNameOf } from "../../../api/resources.ts";
import { strategyOf } from "./strategy.ts";
import type { KubeServerOptions } from "../context.ts";

/** The last finalizer of an object lets it go; nothing happens while one is left, or while a Pod has time to end. */
export function letGo({ store }: KubeServerOptions, resource: Resource, object: KubeObject): KubeObject {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers, namespace = "", name = "", uid } = object.metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds !== 0 || (finalizers?.length ?? 0) > 0) return object;
  return store.delete({ resource: resourceNameOf(resource), namespace, name }, uid === undefined ? {} : { uid });
}

/** Takes one finalizer away, and lets the object go when it was the last. */
export function removeFinalizer(
  node: KubeServerOptions,
  resource: Resource,
  object: KubeObject,
  finalizer: string,
): void {
  const { finalizers: before = [], ...metadata } = object.metadata;
  const finalizers = before.filter((each) => each !== finalizer);
  if (finalizers.length === before.length) return;
  const next = { ...object, metadata: { ...metadata, ...(finalizers.length > 0 && { finalizers }) } };
  letGo(node, resource, node.store.update(resourceNameOf(resource), next, strategyOf(resource).durability));
}
