/** The resources that the API serves: one row each, from which routes, discovery, names on the command line derive. */
import { ACCESS_RESOURCES } from "./access-resources.ts";

/** The plural, with its group when it is not the core group. */
export type ResourceName = string;

export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly verbs: readonly string[];
  readonly categories: readonly string[];
  /** Its definition in the schema table. */
  readonly definition: string;
  /** Of a kind that is only listed, so that clients which look for it find none: why there is none, and what to do instead. */
  readonly absent?: string;
}

const ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** A row. Its definition follows from group, version and kind, as the schema table names them. */
function row(
  groupVersion: string,
  plural: string,
  kind: string,
  rest: Partial<Resource> & Pick<Resource, "namespaced">,
): Resource {
  const [version, group = ""] = groupVersion.split("/").toReversed() as [string, string?];
  return {
    group,
    version,
    plural,
    singular: kind.toLowerCase(),
    kind,
    shortNames: [],
    verbs: ALL_VERBS,
    categories: [],
    definition: `${group === "" ? "core" : group.split(".")[0]}.${version}.${kind}`,
    ...rest,
  };
}

const NAMESPACED = { namespaced: true } as const;
const CLUSTER = { namespaced: false } as const;

export const PODS = row("v1", "pods", "Pod", { ...NAMESPACED, shortNames: ["po"], categories: ["all"] });
export const NAMESPACES = row("v1", "namespaces", "Namespace", {
  ...CLUSTER,
  shortNames: ["ns"],
  verbs: ALL_VERBS.filter((verb) => verb !== "deletecollection"),
});
/** The one node is this machine: it is neither created nor deleted. */
export const NODES = row("v1", "nodes", "Node", {
  ...CLUSTER,
  shortNames: ["no"],
  verbs: ["get", "list", "patch", "update", "watch"],
});
export const EVENTS = row("v1", "events", "Event", { ...NAMESPACED, shortNames: ["ev"] });
/** Events once more, in the newer form: the same objects, kept as {@link EVENTS}. */
export const NEW_EVENTS = row("events.k8s.io/v1", "events", "Event", { ...NAMESPACED, shortNames: ["ev"] });
export const CONFIG_MAPS = row("v1", "configmaps", "ConfigMap", { ...NAMESPACED, shortNames: ["cm"] });
export const SECRETS = row("v1", "secrets", "Secret", NAMESPACED);
export const SERVICE_ACCOUNTS = row("v1", "serviceaccounts", "ServiceAccount", { ...NAMESPACED, shortNames: ["sa"] });
export const POD_TEMPLATES = row("v1", "podtemplates", "PodTemplate", NAMESPACED);
export const LIMIT_RANGES = row("v1", "limitranges", "LimitRange", { ...NAMESPACED, shortNames: ["limits"] });
export const RESOURCE_QUOTAS = row("v1", "resourcequotas", "ResourceQuota", { ...NAMESPACED, shortNames: ["quota"] });
/** Told and never stored: where a Pod shall run. */
export const BINDINGS = row("v1", "bindings", "Binding", { ...NAMESPACED, verbs: ["create"] });
export const PERSISTENT_VOLUMES = row("v1", "persistentvolumes", "PersistentVolume", {
  ...CLUSTER,
  shortNames: ["pv"],
});
export const PERSISTENT_VOLUME_CLAIMS = row("v1", "persistentvolumeclaims", "PersistentVolumeClaim", {
  ...NAMESPACED,
  shortNames: ["pvc"],
});
/** A cluster's: a list that is empty, which `kubectl cluster-info` and many a client ask for. */
export const SERVICES = row("v1", "services", "Service", {
  ...NAMESPACED,
  shortNames: ["svc"],
  verbs: ["get", "list", "watch"],
  absent: "a node without a cluster has no Services; publish a port with hostPort, or use port-forward",
});
export const LEASES = row("coordination.k8s.io/v1", "leases", "Lease", NAMESPACED);
export const RUNTIME_CLASSES = row("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", CLUSTER);
export const PRIORITY_CLASSES = row("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", {
  ...CLUSTER,
  shortNames: ["pc"],
});
export const STORAGE_CLASSES = row("storage.k8s.io/v1", "storageclasses", "StorageClass", {
  ...CLUSTER,
  shortNames: ["sc"],
});

export const RESOURCES: readonly Resource[] = [
  BINDINGS,
  CONFIG_MAPS,
  EVENTS,
  LIMIT_RANGES,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  POD_TEMPLATES,
  RESOURCE_QUOTAS,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  LEASES,
  NEW_EVENTS,
  RUNTIME_CLASSES,
  PRIORITY_CLASSES,
  STORAGE_CLASSES,
  ...ACCESS_RESOURCES,
];

/** Those that have a place of their own in the store. */
export const STORED_RESOURCES: readonly Resource[] = RESOURCES.filter((resource) => resource !== NEW_EVENTS);

/** `v1`, or `group/version`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** The name under which the store keeps it, and messages call it: `pods`, `leases.coordination.k8s.io`. */
export function resourceNameOf(resource: Pick<Resource, "group" | "plural">): ResourceName {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** As messages call the kind: `Pod`, `Role.rbac.authorization.k8s.io`. */
export function qualifiedKindOf({ group, kind }: Resource): string {
  return group === "" ? kind : `${kind}.${group}`;
}

/** By plural and group, as in a request's path. */
export function resourceOf(plural: string, group = ""): Resource | undefined {
  return RESOURCES.find((resource) => resource.plural === plural && resource.group === group);
}

/** By an object's apiVersion and kind. */
export function resourceOfKind(apiVersion: string, kind: string): Resource | undefined {
  return RESOURCES.find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
}

/** By what a user types: `pods`, `pod`, `po`, `Pod`, `pods.v1.`; case does not matter. */
export function resourceNamed(text: string): Resource | undefined {
  const name = text.toLowerCase();
  return RESOURCES.find(
    (resource) =>
      [resource.plural, resource.singular, ...resource.shortNames].includes(name) ||
      name === `${resource.plural}.${resource.version}.${resource.group}` ||
      name === `${resource.plural}.${resource.group}`,
  );
}
