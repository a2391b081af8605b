/**
 * OpenAPI v3, made from the tables that also serve: kubectl reads which fields exist, how lists merge, and that the server
 * validates (`fieldValidation` on PATCH) so that it need not. One document per group and version.
 */
import { createHash } from "node:crypto";

import { FIELD_DESCRIPTIONS } from "../../../api/field-descriptions.ts";
import { SCHEMA } from "../../../api/gen/schema.ts";
import { RESOURCES } from "../../../api/resources.ts";
import type { Resource } from "../../../api/resources.ts";
import type { SchemaField } from "../../../api/schema.ts";
import { VERSION } from "../../../base/version.ts";
import type { PathHandler, RequestContext } from "../context.ts";
import { sendBytes, sendJson } from "../respond.ts";
import { type Subresource, subresourcesOf } from "../routes.ts";
import { openapiV2 } from "./openapi-v2.ts";

type Json = Readonly<Record<string, unknown>>;

const ROOT = "/openapi/v3/";

/** The handler of an OpenAPI path; undefined when the path is none. */
export function openapiPath(path: string): PathHandler | undefined {
  if (path === "/openapi/v2") return openapiV2;
  if (path === "/openapi/v3") return index;
  const place = path.startsWith(ROOT) ? path.slice(ROOT.length) : "";
  return places().has(place) ? (context) => sendDocument(context, place) : undefined;
}

/** `api/v1`, `apis/<group>/<version>`: as the index names the documents. */
function placeOf({ group, version }: Resource): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function places(): Set<string> {
  return new Set(RESOURCES.map(placeOf));
}

function index(context: RequestContext): void {
  const paths = [...places()].map((place) => [
    place,
    { serverRelativeURL: `${ROOT}${place}?hash=${documentOf(place).hash}` },
  ]);
  sendJson(context, 200, { paths: Object.fromEntries(paths) as Json });
}

/** What has a hash in its address never changes; a client that still has it is told so. */
function sendDocument(context: RequestContext, place: string): void {
  const { document, hash } = documentOf(place);
  const etag = `"${hash}"`;
  context.response.setHeader("etag", etag);
  if (context.request.headers["if-none-match"] === etag)
    return sendBytes(context, 304, Buffer.alloc(0), "application/json");
  sendJson(context, 200, document);
}

interface Made {
  readonly document: Json;
  readonly hash: string;
}

const made = new Map<string, Made>();

/** Made when first asked for, and kept: it depends on nothing that changes while the process runs. */
function documentOf(place: string): Made {
  const known = made.get(place);
  if (known) return known;
  const resources = RESOURCES.filter((resource) => placeOf(resource) === place);
  const document = {
    openapi: "3.0.0",
    info: { title: "Minke", version: VERSION },
    paths: Object.assign({}, ...resources.map(pathsOf)) as Json,
    components: {
      schemas: Object.fromEntries([...reachable(resources)].sort().map((name) => [nameOf(name), schemaOf(name)])),
    },
  };
  const hash = createHash("sha256").update(JSON.stringify(document)).digest("hex").slice(0, 32).toUpperCase();
  made.set(place, { document, hash });
  return { document, hash };
}

/** The definitions of the resources, and what these refer to. */
function reachable(resources: readonly Resource[]): Set<string> {
  const found = new Set<string>();
  const reach = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    JSON.stringify(SCHEMA[name], (key, value: unknown) => {
      if (key === "ref") reach(value as string);
      return value;
    });
  };
  for (const resource of resources) {
    reach(resource.definition);
    for (const row of subresourcesOf(resource))
      if (SCHEMA[definitionOf(resource, row)]) reach(definitionOf(resource, row));
  }
  reach("meta.v1.DeleteOptions");
  return found;
}

const ACTIONS: readonly (readonly [verb: string, method: string, action: string, named: boolean])[] = [
  ["list", "get", "list", false],
  ["create", "post", "post", false],
  ["deletecollection", "delete", "deletecollection", false],
  ["get", "get", "get", true],
  ["update", "put", "put", true],
  ["patch", "patch", "patch", true],
  ["delete", "delete", "delete", true],
];

function pathsOf(resource: Resource): Json {
  const { group, version, kind, definition, namespaced, plural, verbs } = resource;
  const collection = `/${placeOf(resource)}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const operations = (named: boolean): Json =>
    Object.fromEntries(
      ACTIONS.filter((row) => row[3] === named && verbs.includes(row[0])).map(([, method, action]) => [
        method,
        {
          operationId: `${action}${groupName(group)}${version.toUpperCase()}${namespaced ? "Namespaced" : ""}${kind}`,
          "x-kubernetes-action": action,
          "x-kubernetes-group-version-kind": { group, version, kind },
          parameters: parametersOf(method),
          responses: { 200: { description: "OK", content: { "application/json": { schema: reference(definition) } } } },
        },
      ]),
    );
  const place = namespaced ? [pathParameter("namespace")] : [];
  const below = [...place, pathParameter("name")];
  const subresources = subresourcesOf(resource).map((row) => [
    `${collection}/{name}/${row.name}`,
    { ...subresourceOperations(resource, row), parameters: below },
  ]);
  return {
    [collection]: { ...operations(false), parameters: place },
    [`${collection}/{name}`]: { ...operations(true), parameters: below },
    ...(Object.fromEntries(subresources) as Json),
  };
}

/** Those whose documents have no definition are streams: their answer is text. */
function subresourceOperations(resource: Resource, row: Subresource): Json {
  const { group, version, kind, namespaced } = resource;
  const definition = definitionOf(resource, row);
  const schema = SCHEMA[definition] ? reference(definition) : { type: "string" };
  const name = row.name[0]!.toUpperCase() + row.name.slice(1);
  return Object.fromEntries(
    ACTIONS.filter(([verb]) => Object.hasOwn(row.verbs, verb)).map(([, method, action]) => [
      method,
      {
        operationId: `${action}${groupName(group)}${version.toUpperCase()}${namespaced ? "Namespaced" : ""}${kind}${name}`,
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": { ...groupVersionOf(resource, row), kind: row.kind },
        parameters: parametersOf(method),
        responses: { 200: { description: "OK", content: { "application/json": { schema } } } },
      },
    ]),
  );
}

function groupVersionOf(resource: Resource, { groupVersion }: Subresource): { group: string; version: string } {
  const [group = resource.group, version = resource.version] = groupVersion?.split("/") ?? [];
  return { group, version };
}

/** The definition of a subresource's documents, as the schema table would name it. */
function definitionOf(resource: Resource, row: Subresource): string {
  const { group, version } = groupVersionOf(resource, row);
  return `${group === "" ? "core" : group.split(".")[0]}.${version}.${row.kind}`;
}

/** `Core`, `RbacAuthorization`: how operations of a group are called. */
function groupName(group: string): string {
  const words = (group === "" ? "core" : group.replace(/\.k8s\.io$/, "")).split(".");
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join("");
}

function parametersOf(method: string): readonly Json[] {
  const writes = method === "post" || method === "put" || method === "patch";
  return (writes ? ["dryRun", "fieldManager", "fieldValidation"] : []).map((name) => ({
    name,
    in: "query",
    schema: { type: "string", uniqueItems: true },
  }));
}

function pathParameter(name: string): Json {
  return { name, in: "path", required: true, schema: { type: "string", uniqueItems: true } };
}

/** The long names that Kubernetes gives its definitions. */
function nameOf(definition: string): string {
  if (definition.startsWith("meta.")) return `io.k8s.apimachinery.pkg.apis.${definition}`;
  return `${/^(api|util|runtime)\./.test(definition) ? "io.k8s.apimachinery.pkg" : "io.k8s.api"}.${definition}`;
}

function reference(definition: string): Json {
  return { $ref: `#/components/schemas/${nameOf(definition)}` };
}

function schemaOf(definition: string): Json {
  const row = SCHEMA[definition]!;
  const said = FIELD_DESCRIPTIONS[definition] ?? {};
  const described = (name: string): Json => (Object.hasOwn(said, name) ? { description: said[name] } : {});
  const properties = Object.entries(row.fields ?? {}).map(([name, field]) => [
    name,
    { ...described(name), ...fieldOf(field) },
  ]);
  return {
    ...described(""),
    ...fieldOf(row),
    ...(row.fields ? { type: "object", properties: Object.fromEntries(properties) as Json } : {}),
    ...(row.required ? { required: row.required } : {}),
    ...(row.gvk ? { "x-kubernetes-group-version-kind": [row.gvk] } : {}),
  };
}

function fieldOf(field: SchemaField): Json {
  return {
    // A reference stands alone in OpenAPI 3.0, so what belongs to the field itself goes beside an allOf.
    ...(field.ref === undefined ? {} : { allOf: [reference(field.ref)] }),
    ...(field.type === undefined ? {} : { type: field.type === "map" ? "object" : field.type }),
    ...(field.format === undefined ? {} : { format: field.format }),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.items ? { items: fieldOf(field.items) } : {}),
    ...(field.values ? { additionalProperties: fieldOf(field.values) } : {}),
    ...(field.oneOf ? { oneOf: field.oneOf.map(fieldOf) } : {}),
    ...(field.list ? { "x-kubernetes-list-type": field.list } : {}),
    ...(field.keys ? { "x-kubernetes-list-map-keys": field.keys } : {}),
    ...(field.map ? { "x-kubernetes-map-type": field.map } : {}),
    ...(field.patch ? { "x-kubernetes-patch-strategy": field.patch } : {}),
    ...(field.mergeKey ? { "x-kubernetes-patch-merge-key": field.mergeKey } : {}),
  };
}
