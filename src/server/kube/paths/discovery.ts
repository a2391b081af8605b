/**
 * Discovery: which groups, versions, resources and verbs are served, from the same tables as the routes. In the legacy
 * form, and aggregated for clients that ask for it (kubectl 1.26 and later), which saves them a request per group.
 */
import { RESOURCES } from "../../../api/resources.ts";
import type { Resource } from "../../../api/resources.ts";
import type { PathHandler, RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { type Subresource, subresourcesOf } from "../routes.ts";
import type { DiscoveredResource } from "./discovered-resource.ts";
import { METRICS_GROUP, METRICS_RESOURCES, METRICS_VERSIONS } from "./metrics-group.ts";

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** All group versions, the core group first, and of each group the preferred version first. */
function groupVersions(): GroupVersion[] {
  const all = new Map<string, GroupVersion>();
  for (const { group, version } of RESOURCES) all.set(`${group}/${version}`, { group, version });
  const stored = [...all.values()].toSorted((a, b) => a.group.localeCompare(b.group));
  return [...stored, ...METRICS_VERSIONS.map((version) => ({ group: METRICS_GROUP, version }))];
}

/** Each group once, with its versions. */
function groupsWithVersions(): Map<string, GroupVersion[]> {
  return Map.groupBy(groupVersions(), ({ group }) => group);
}

function resourcesOf({ group, version }: GroupVersion): DiscoveredResource[] {
  if (group === METRICS_GROUP) return [...METRICS_RESOURCES];
  return RESOURCES.filter((resource) => resource.group === group && resource.version === version).flatMap(rowsOf);
}

function rowsOf(resource: Resource): DiscoveredResource[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = resource;
  const own = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  const below = subresourcesOf(resource).map((row) => ({
    name: `${plural}/${row.name}`,
    singularName: "",
    namespaced,
    ...kindPlaceOf(row),
    kind: row.kind,
    verbs: Object.keys(row.verbs),
  }));
  return [own, ...below];
}

function kindPlaceOf({ groupVersion }: Subresource): Partial<GroupVersion> {
  if (groupVersion === undefined) return {};
  const [group = "", version = ""] = groupVersion.split("/");
  return { group, version };
}

/** The handler of a discovery document; undefined when the path is none. */
export function discoveryPath(path: string): PathHandler | undefined {
  if (path === "/api") return coreVersions;
  if (path === "/apis") return groups;
  const found = groupVersions().find(({ group, version }) => path === pathOf(group, version));
  if (found) return (context) => sendJson(context, 200, resourceList(found));
  const [, name = ""] = path.split("/apis/");
  const group = groupsWithVersions().get(name);
  if (name === "" || group === undefined) return undefined;
  return (context) => sendJson(context, 200, { kind: "APIGroup", apiVersion: "v1", ...groupOf(name, group) });
}

function pathOf(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

function coreVersions(context: RequestContext): void {
  if (sendAggregated(context, (group) => group === "")) return;
  const versions = groupVersions().filter(({ group }) => group === "");
  sendJson(context, 200, {
    kind: "APIVersions",
    versions: versions.map(({ version }) => version),
    serverAddressByClientCIDRs: [],
  });
}

function groups(context: RequestContext): void {
  if (sendAggregated(context, (group) => group !== "")) return;
  const named = [...groupsWithVersions()].filter(([group]) => group !== "");
  const items = named.map(([group, versions]) => groupOf(group, versions));
  sendJson(context, 200, { kind: "APIGroupList", apiVersion: "v1", groups: items });
}

function groupOf(group: string, found: readonly GroupVersion[]): Readonly<Record<string, unknown>> {
  const versions = found.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceList(found: GroupVersion): Readonly<Record<string, unknown>> {
  const groupVersion = found.group === "" ? found.version : `${found.group}/${found.version}`;
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: resourcesOf(found) };
}

/** Answers in the aggregated form when the client accepts it. Kubernetes: apidiscovery.k8s.io, v2 since 1.30. */
function sendAggregated(context: RequestContext, wanted: (group: string) => boolean): boolean {
  const accept = context.request.headers.accept ?? "";
  const offers = accept.split(",").map((offer) => offer.split(";").map((part) => part.trim()));
  const offer = offers.find((parts) => parts.includes("as=APIGroupDiscoveryList") && !parts.includes("profile=nopeer"));
  const version = offer?.find((part) => part === "v=v2" || part === "v=v2beta1")?.slice(2);
  if (version === undefined) return false;
  const items = [...groupsWithVersions()]
    .filter(([group]) => wanted(group))
    .map(([group, versions]) => ({
      metadata: group === "" ? {} : { name: group },
      versions: versions.map((found) => ({
        version: found.version,
        resources: aggregatedOf(found),
        freshness: "Current",
      })),
    }));
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  const body = { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
  sendJson(context, 200, body, type);
  return true;
}

function aggregatedOf(found: GroupVersion): readonly unknown[] {
  const rows = resourcesOf(found);
  const kindOf = (row: DiscoveredResource) => ({
    group: row.group ?? found.group,
    version: row.version ?? found.version,
    kind: row.kind,
  });
  return rows
    .filter((row) => !row.name.includes("/"))
    .map((row) => ({
      resource: row.name,
      responseKind: kindOf(row),
      scope: row.namespaced ? "Namespaced" : "Cluster",
      singularResource: row.singularName,
      verbs: row.verbs,
      ...(row.shortNames ? { shortNames: row.shortNames } : {}),
      ...(row.categories ? { categories: row.categories } : {}),
      subresources: rows
        .filter((below) => below.name.startsWith(`${row.name}/`))
        .map((below) => ({
          subresource: below.name.slice(row.name.length + 1),
          responseKind: kindOf(below),
          verbs: below.verbs,
        })),
    }));
}
