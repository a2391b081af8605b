/** The limit ranges of a namespace: defaults for containers, bounds for all. Kubernetes: plugin/pkg/admission/limitranger. */
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
  ResourceRequirements,
} from "../../../api/gen/types.ts";
import { podLimits, podRequests } from "../../../api/pod-resources.ts";
import { canonicalQuantity, compareQuantity, parseQuantity } from "../../../api/quantity.ts";
import { LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS, resourceNameOf } from "../../../api/resources.ts";
import { forbiddenBecause } from "../../../api/status.ts";
import type { Store } from "../../../store/store.ts";

type Amounts = Readonly<Record<string, string | number>>;

/** Tells what was set for whom. */
const ANNOTATION = "kubernetes.io/limit-ranger";

function limitRanges(store: Store, namespace: string): readonly LimitRange[] {
  return store.list(resourceNameOf(LIMIT_RANGES), namespace).items as readonly LimitRange[];
}

/** The Pod with requests and limits where it has none of its own. */
export function withLimitRangeDefaults(pod: Pod, store: Store): Pod {
  return limitRanges(store, pod.metadata.namespace ?? "").reduce(withDefaultsOf, pod);
}

function withDefaultsOf(pod: Pod, range: LimitRange): Pod {
  if (!pod.spec) return pod;
  const items = (range.spec?.limits ?? []).filter(({ type }) => type === "Container");
  const limits: Amounts = Object.assign({}, ...items.map((item) => item.default ?? {})) as Amounts;
  const requests: Amounts = Object.assign({}, ...items.map((item) => item.defaultRequest ?? {})) as Amounts;
  const notes: string[] = [];
  const fill = (container: Container, what: string): Container => {
    const own = container.resources ?? {};
    const missing = (defaults: Amounts, given: Amounts = {}): string[] =>
      Object.keys(defaults)
        .filter((name) => given[name] === undefined)
        .sort();
    const [newRequests, newLimits] = [missing(requests, own.requests), missing(limits, own.limits)];
    if (newRequests.length > 0) notes.push(`${newRequests.join(", ")} request for ${what} ${container.name}`);
    if (newLimits.length > 0) notes.push(`${newLimits.join(", ")} limit for ${what} ${container.name}`);
    if (newRequests.length + newLimits.length === 0) return container;
    const resources: ResourceRequirements = {
      ...own,
      limits: { ...limits, ...own.limits },
      requests: { ...requests, ...own.requests },
    };
    return { ...container, resources };
  };
  const containers = pod.spec.containers.map((container) => fill(container, "container"));
  const inits = pod.spec.initContainers?.map((container) => fill(container, "init container"));
  if (notes.length === 0) return pod;
  const annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join("; ")}` };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations },
    spec: { ...pod.spec, containers, ...(inits && { initContainers: inits }) },
  };
}

/** Refuses what is out of a limit range's bounds. */
export function checkLimitRanges(object: Pod | PersistentVolumeClaim, store: Store): void {
  for (const range of limitRanges(store, object.metadata.namespace ?? "")) {
    const faults = (range.spec?.limits ?? []).flatMap((item) =>
      object.kind === "Pod" ? podFaults(item, object as Pod) : claimFaults(item, object as PersistentVolumeClaim),
    );
    if (faults.length === 0) continue;
    const resource = object.kind === "Pod" ? PODS : PERSISTENT_VOLUME_CLAIMS;
    const why = faults.length === 1 ? faults[0]! : `[${faults.join(", ")}]`;
    throw forbiddenBecause(resource, object.metadata.name ?? "", why);
  }
}

function podFaults(item: LimitRangeItem, pod: Pod): string[] {
  if (item.type === "Pod") return faultsOf(item, { requests: podRequests(pod), limits: podLimits(pod) });
  if (item.type !== "Container") return [];
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers.flatMap(({ resources }) => faultsOf(item, resources ?? {}));
}

function faultsOf(item: LimitRangeItem, { requests = {}, limits = {} }: ResourceRequirements): string[] {
  const faults = [];
  for (const [name, least] of Object.entries(item.min ?? {}))
    faults.push(belowMin(item, name, least, requests, limits));
  for (const [name, most] of Object.entries(item.max ?? {})) faults.push(aboveMax(item, name, most, requests, limits));
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    faults.push(aboveRatio(item, name, ratio, requests, limits));
  }
  return faults.filter((fault) => fault !== undefined);
}

function claimFaults(item: LimitRangeItem, { spec }: PersistentVolumeClaim): string[] {
  if (item.type !== "PersistentVolumeClaim") return [];
  const requests = spec?.resources?.requests ?? {};
  const below = Object.entries(item.min ?? {}).map(([name, least]) => belowMin(item, name, least, requests, {}));
  const above = Object.entries(item.max ?? {}).map(([name, most]) => {
    const rule = `maximum ${name} usage per ${item.type} is ${canonicalQuantity(most)}`;
    const request = requests[name];
    if (request === undefined) return `${rule}.  No request is specified`;
    return compareQuantity(request, most) > 0 ? `${rule}, but request is ${canonicalQuantity(request)}` : undefined;
  });
  return [...below, ...above].filter((fault) => fault !== undefined);
}

type Bound = (
  item: LimitRangeItem,
  name: string,
  bound: string | number,
  requests: Amounts,
  limits: Amounts,
) => string | undefined;

const belowMin: Bound = (item, name, least, requests, limits) => {
  const rule = `minimum ${name} usage per ${item.type} is ${canonicalQuantity(least)}`;
  const [request, limit] = [requests[name], limits[name]];
  if (request === undefined) return `${rule}.  No request is specified`;
  if (compareQuantity(request, least) < 0) return `${rule}, but request is ${canonicalQuantity(request)}`;
  if (limit === undefined || compareQuantity(limit, least) >= 0) return undefined;
  return `${rule}, but limit is ${canonicalQuantity(limit)}`;
};

const aboveMax: Bound = (item, name, most, requests, limits) => {
  const rule = `maximum ${name} usage per ${item.type} is ${canonicalQuantity(most)}`;
  const [request, limit] = [requests[name], limits[name]];
  if (limit === undefined) return `${rule}.  No limit is specified`;
  if (compareQuantity(limit, most) > 0) return `${rule}, but limit is ${canonicalQuantity(limit)}`;
  if (request === undefined || compareQuantity(request, most) <= 0) return undefined;
  return `${rule}, but request is ${canonicalQuantity(request)}`;
};

const aboveRatio: Bound = (item, name, most, requests, limits) => {
  const rule = `${name} max limit to request ratio per ${item.type} is ${canonicalQuantity(most)}`;
  const value = (amount: string | number | undefined): number =>
    amount === undefined ? 0 : Number(parseQuantity(amount).nanos);
  const [request, limit] = [value(requests[name]), value(limits[name])];
  if (request === 0) return `${rule}, but no request is specified or request is 0`;
  if (limit === 0) return `${rule}, but no limit is specified or limit is 0`;
  if (limit / request <= value(most) / 1e9) return undefined;
  return `${rule}, but provided ratio is ${(limit / request).toFixed(6)}`;
};
