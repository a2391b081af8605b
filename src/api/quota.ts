/**
 * What objects use of a resource quota (Kubernetes: pkg/quota/v1/evaluator). Pure: who admits objects and who tells the
 * quota's status count alike.
 */
import type { PersistentVolumeClaim, Pod, ResourceQuota, ScopedResourceSelectorRequirement } from "./gen/types.ts";
import type { KubeObject } from "./object.ts";
import { addAmounts, type Amounts, effectiveLimits, effectiveRequests } from "./pod-resources.ts";
import { qosClassOf } from "./qos.ts";
import { canonicalQuantity, formatQuantity, parseQuantity } from "./quantity.ts";
import { PERSISTENT_VOLUME_CLAIMS, PODS, type Resource, resourceNameOf } from "./resources.ts";

/** Kinds that are counted by their bare plural too, besides `count/<plural>`. */
const COUNTED_BY_NAME = ["configmaps", "persistentvolumeclaims", "resourcequotas", "secrets"];
const OF_CLASS = ".storageclass.storage.k8s.io/";
/** What each container has to ask for itself when a quota bounds it: a mistake of old that clients know. */
const MUST_ASK = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/** What one object uses, by the names that quotas have for it. `now` is in milliseconds since the epoch. */
export function usageOf(resource: Resource, object: KubeObject, now: number): Amounts {
  const name = resourceNameOf(resource);
  const counted = { [`count/${name}`]: "1", ...(COUNTED_BY_NAME.includes(name) ? { [name]: "1" } : {}) };
  if (resource === PODS) return { ...counted, ...podUsage(object as Pod, now) };
  if (resource === PERSISTENT_VOLUME_CLAIMS) return { ...counted, ...claimUsage(object as PersistentVolumeClaim) };
  return counted;
}

function podUsage(pod: Pod, now: number): Amounts {
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed" || isOverdue(pod, now)) return {};
  return { pods: "1", ...computeUsage(effectiveRequests(pod), effectiveLimits(pod)) };
}

/** One that should be gone by now holds nobody else up. */
function isOverdue({ metadata }: Pod, now: number): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return now > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const usage: Record<string, string> = {};
  for (const [name, amount] of Object.entries(requests)) {
    if (!name.includes("/")) usage[name] = amount;
    usage[`requests.${name}`] = amount;
  }
  for (const name of ["cpu", "memory", "ephemeral-storage"]) {
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  return usage;
}

function claimUsage({ spec }: PersistentVolumeClaim): Amounts {
  const storage = spec?.resources?.requests?.["storage"];
  const own: Record<string, string> = { persistentvolumeclaims: "1" };
  if (storage !== undefined) own["requests.storage"] = canonicalQuantity(storage);
  const className = spec?.storageClassName ?? "";
  if (className === "") return own;
  const ofClass = Object.entries(own).map(([name, amount]) => [`${className}${OF_CLASS}${name}`, amount]);
  return { ...own, ...(Object.fromEntries(ofClass) as Amounts) };
}

/** Whether the quota counts this object: all its scopes fit. */
export function isInScope({ spec }: ResourceQuota, resource: Resource, object: KubeObject): boolean {
  const scopes = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" }));
  const selectors: readonly ScopedResourceSelectorRequirement[] = [
    ...scopes,
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  return selectors.every((selector) => {
    if (resource === PODS) return podFits(object as Pod, selector);
    return resource === PERSISTENT_VOLUME_CLAIMS && claimFits(object as PersistentVolumeClaim, selector);
  });
}

function podFits({ spec }: Pod, selector: ScopedResourceSelectorRequirement): boolean {
  if (!spec) return false;
  switch (selector.scopeName) {
    case "Terminating":
      return (spec.activeDeadlineSeconds ?? -1) >= 0;
    case "NotTerminating":
      return (spec.activeDeadlineSeconds ?? -1) < 0;
    case "BestEffort":
      return qosClassOf(spec) === "BestEffort";
    case "NotBestEffort":
      return qosClassOf(spec) !== "BestEffort";
    case "PriorityClass":
      return nameFits(spec.priorityClassName ?? "", selector);
    case "CrossNamespacePodAffinity":
      return crossesNamespaces(spec);
    default:
      return false;
  }
}

function claimFits({ spec }: PersistentVolumeClaim, selector: ScopedResourceSelectorRequirement): boolean {
  return selector.scopeName === "VolumeAttributesClass" && nameFits(spec?.volumeAttributesClassName ?? "", selector);
}

function nameFits(name: string, { operator, values = [] }: ScopedResourceSelectorRequirement): boolean {
  switch (operator) {
    case "In":
      return values.includes(name);
    case "NotIn":
      return !values.includes(name);
    case "DoesNotExist":
      return name === "";
    default:
      return name !== "";
  }
}

function crossesNamespaces({ affinity }: NonNullable<Pod["spec"]>): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((rules) =>
    [
      ...(rules?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(rules?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
    ].some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined),
  );
}

/** The part of a usage that a quota bounds. */
export function boundedUsage({ spec }: ResourceQuota, usage: Amounts): Amounts {
  const hard = spec?.hard ?? {};
  return Object.fromEntries(Object.entries(usage).filter(([name]) => hard[name] !== undefined));
}

/** What the objects of one namespace use of a quota: an amount for each resource that it bounds, zero included. */
export function usedOf(quota: ResourceQuota, objects: Iterable<readonly [Resource, KubeObject]>, now: number): Amounts {
  const zero = Object.entries(quota.spec?.hard ?? {}).map(([name, amount]) => {
    return [name, formatQuantity({ ...parseQuantity(amount), nanos: 0n })];
  });
  let used = Object.fromEntries(zero) as Amounts;
  for (const [resource, object] of objects) {
    if (!isInScope(quota, resource, object)) continue;
    used = addAmounts(used, boundedUsage(quota, usageOf(resource, object, now)));
  }
  return used;
}

/** Containers of a new Pod that do not ask for what the quota bounds: `limits.cpu for: a,b; …`; undefined when all do. */
export function missingRequests({ spec }: ResourceQuota, pod: Pod): string | undefined {
  const bounded = MUST_ASK.filter((name) => spec?.hard?.[name] !== undefined).toSorted();
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const texts = bounded.flatMap((name) => {
    const [list, key] = name.startsWith("limits.")
      ? (["limits", name.slice("limits.".length)] as const)
      : (["requests", name.replace("requests.", "")] as const);
    const silent = containers
      .filter(({ resources }) => resources?.[list]?.[key] === undefined)
      .map((each) => each.name);
    return silent.length === 0 ? [] : [`${name} for: ${[...new Set(silent)].toSorted().join(",")}`];
  });
  return texts.length === 0 ? undefined : texts.join("; ");
}
