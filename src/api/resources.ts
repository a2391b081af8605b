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
}

const ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

function core(
  plural: string,
  kind: string,
  namespaced: boolean,
  shortNames: readonly string[],
  rest: Partial<Resource> = {},
): Resource {
  return {
    group: "",
    version: "v1",
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced,
    shortNames,
    verbs: ALL_VERBS,
    categories: [],
    definition: `core.v1.${kind}`,
    ...rest,
  };
}

export const PODS = core("pods", "Pod", true, ["po"], { categories: ["all"] });
export const NAMESPACES = core("namespaces", "Namespace", false, ["ns"], {
  verbs: ALL_VERBS.filter((verb) => verb !== "deletecollection"),
});
export const NODES = core("nodes", "Node", false, ["no"], { verbs: ["get", "list", "patch", "update", "watch"] });
export const EVENTS = core("events", "Event", true, ["ev"]);
export const CONFIG_MAPS = core("configmaps", "ConfigMap", true, ["cm"]);
export const SECRETS = core("secrets", "Secret", true, []);
export const SERVICE_ACCOUNTS = core("serviceaccounts", "ServiceAccount", true, ["sa"]);

export const RESOURCES: readonly Resource[] = [
  CONFIG_MAPS,
  EVENTS,
  NAMESPACES,
  NODES,
  PODS,
  SECRETS,
  SERVICE_ACCOUNTS,
  ...ACCESS_RESOURCES,
];

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
