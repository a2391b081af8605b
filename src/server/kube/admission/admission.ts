/**
 * Admission: what a new object gets, or is refused for, because of other objects. As the plugins that a Kubernetes API
 * server runs by default, in their order and words (Kubernetes: pkg/kubeapiserver/options/plugins.go).
 */
import type { PersistentVolumeClaim, Pod, PriorityClass } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { type Resource, resourceNameOf } from "../../../api/resources.ts";
import type { KubeServerOptions } from "../context.ts";
import { checkLimitRanges, withLimitRangeDefaults } from "./limit-ranger.ts";
import { checkDefaultPriority, keepPriority, withPriority } from "./priority.ts";
import { checkQuota } from "./resource-quota.ts";
import { withRuntimeClass } from "./runtime-class.ts";
import { withServiceAccount } from "./service-account.ts";
import { withInUseProtection, withDefaultStorageClass } from "./storage.ts";
import { withDefaultTolerations } from "./tolerations.ts";

type Admit = (object: KubeObject, node: KubeServerOptions) => KubeObject;
type Check = (object: KubeObject, node: KubeServerOptions) => void;

const ADMIT: Readonly<Record<string, readonly Admit[]>> = {
  pods: [
    (pod, node) => withLimitRangeDefaults(pod as Pod, node.store),
    (pod, node) => withServiceAccount(pod as Pod, node),
    (pod, node) => withPriority(pod as Pod, node.store),
    (pod) => withDefaultTolerations(pod as Pod),
    (pod, node) => withRuntimeClass(pod as Pod, node.store),
  ],
  persistentvolumeclaims: [
    (claim, node) => withDefaultStorageClass(claim as PersistentVolumeClaim, node.store),
    withInUseProtection,
  ],
  persistentvolumes: [withInUseProtection],
};

const CHECK: Readonly<Record<string, readonly Check[]>> = {
  pods: [(pod, node) => checkLimitRanges(pod as Pod, node.store)],
  persistentvolumeclaims: [(claim, node) => checkLimitRanges(claim as PersistentVolumeClaim, node.store)],
  "priorityclasses.scheduling.k8s.io": [
    (priorityClass, node) => checkDefaultPriority(priorityClass as PriorityClass, node.store),
  ],
};

/** A new object with what the plugins add; before it is validated. Throws `Forbidden`. */
export function admitNew(resource: Resource, object: KubeObject, node: KubeServerOptions): KubeObject {
  const steps = ADMIT[resourceNameOf(resource)] ?? [];
  return steps.reduce((admitted, step) => step(admitted, node), object);
}

/** Refuses a valid new object that other objects forbid. Quotas come last: what they count is going to be stored. */
export function checkNew(resource: Resource, object: KubeObject, node: KubeServerOptions): void {
  for (const check of CHECK[resourceNameOf(resource)] ?? []) check(object, node);
  checkQuota(resource, object, node.store, node.clock.now());
}

/** What an object keeps, or gets again, when it is written anew. */
export function admitUpdate(resource: Resource, object: KubeObject, stored: KubeObject): KubeObject {
  if (resourceNameOf(resource) !== "pods") return object;
  return withDefaultTolerations(keepPriority(object as Pod, stored as Pod));
}

/** Refuses a valid change that other objects forbid. */
export function checkUpdate(
  resource: Resource,
  object: KubeObject,
  node: KubeServerOptions,
  subresource: string,
): void {
  const name = resourceNameOf(resource);
  // What limit ranges bound of a Pod changes with its resizing alone.
  const resized = subresource === "resize";
  if (name !== "pods" || resized) for (const check of CHECK[name] ?? []) check(object, node);
  if (resized) checkQuota(resource, object, node.store, node.clock.now());
}
