/**
 * Refuses what would use more than a quota allows. Usage is counted anew from the objects that are there: nothing runs
 * between the count and the write, so it can not be out of date. Kubernetes: apiserver admission/plugin/resourcequota.
 */
import type { Pod, ResourceQuota } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { addAmounts, type Amounts } from "../../../api/pod-resources.ts";
import { compareQuantity } from "../../../api/quantity.ts";
import { boundedUsage, isInScope, missingRequests, usageOf, usedOf } from "../../../api/quota.ts";
import { PODS, RESOURCE_QUOTAS, type Resource, resourceNameOf, STORED_RESOURCES } from "../../../api/resources.ts";
import { forbiddenBecause } from "../../../api/status.ts";
import type { Store } from "../../../store/store.ts";

/** For a new object, or for one whose changed copy uses more; `now` is in milliseconds since the epoch. */
export function checkQuota(resource: Resource, object: KubeObject, store: Store, now: number): void {
  const namespace = object.metadata.namespace ?? "";
  if (!resource.namespaced) return;
  for (const quota of store.list(resourceNameOf(RESOURCE_QUOTAS), namespace).items as readonly ResourceQuota[]) {
    const usage = boundedUsage(quota, usageOf(resource, object, now));
    if (Object.keys(usage).length === 0 || !isInScope(quota, resource, object)) continue;
    const others = [...objectsOf(store, quota)].filter(([, { metadata }]) => metadata.uid !== object.metadata.uid);
    requireWithin(resource, object, quota, usage, usedOf(quota, others, now));
  }
}

/** The objects of the quota's namespace that it may count. */
export function* objectsOf(store: Store, { metadata, spec }: ResourceQuota): Generator<[Resource, KubeObject]> {
  const names = Object.keys(spec?.hard ?? {});
  for (const resource of STORED_RESOURCES) {
    if (!resource.namespaced || !mayCount(names, resource)) continue;
    const { items } = store.list(resourceNameOf(resource), metadata.namespace);
    for (const object of items) yield [resource, object];
  }
}

function mayCount(names: readonly string[], resource: Resource): boolean {
  const own = resourceNameOf(resource);
  if (names.includes(`count/${own}`) || names.includes(own)) return true;
  const measured = own === "pods" || own === "persistentvolumeclaims";
  return measured && names.some((name) => !name.startsWith("count/"));
}

function requireWithin(
  resource: Resource,
  object: KubeObject,
  quota: ResourceQuota,
  usage: Amounts,
  used: Amounts,
): void {
  const name = object.metadata.name ?? "";
  const called = quota.metadata.name ?? "";
  const missing = resource === PODS ? missingRequests(quota, object as Pod) : undefined;
  if (missing !== undefined) throw forbiddenBecause(resource, name, `failed quota: ${called}: must specify ${missing}`);
  const hard = quota.spec?.hard ?? {};
  const total = addAmounts(used, usage);
  const exceeded = Object.keys(usage).filter(
    (each) => compareQuantity(usage[each]!, 0) > 0 && compareQuantity(total[each]!, hard[each]!) > 0,
  );
  if (exceeded.length === 0) return;
  const told = (amounts: Readonly<Record<string, string | number>>): string =>
    exceeded
      .toSorted()
      .map((each) => `${each}=${amounts[each]}`)
      .join(",");
  const why = `exceeded quota: ${called}, requested: ${told(usage)}, used: ${told(used)}, limited: ${told(hard)}`;
  throw forbiddenBecause(resource, name, why);
}
