/**
 * OpenAPI v3, made from the tables that also serve: kubectl reads which fields exist, how lists merge, and that the server
 * validates (`fieldValidation` on PATCH) so that it need not. Version 2 is not served: kubectl only takes that as protobuf.
 */
import { createHash } from "node:crypto";

import { SCHEMA } from "../../../api/gen/schema.ts";
import { RESOURCES } from "../../../api/resources.ts";
import type { Resource } from "../../../api/resources.ts";
import type { SchemaDefinition, SchemaField } from "../../../api/schema.ts";
import { VERSION } from "../../../base/version.ts";
import type { PathHandler, RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

type Json = Readonly<Record<string, unknown>>;

const CORE = "/openapi/v3/api/v1";

/** The handler of an OpenAPI path; undefined when the path is none. */
export function openapiPath(path: string): PathHandler | undefined {
  if (path === "/openapi/v3") return index;
  return path === CORE ? coreDocument : undefined;
}

function index(context: RequestContext): void {
  sendJson(context, 200, { paths: { "api/v1": { serverRelativeURL: `${CORE}?hash=${coreText().hash}` } } });
}

function coreDocument(context: RequestContext): void {
  const { document, hash } = coreText();
  context.response.setHeader("etag", `"${hash}"`);
  sendJson(context, 200, document);
}

let made: { readonly document: Json; readonly hash: string } | undefined;

/** Made when first asked for, and kept: it depends on nothing that changes while the process runs. */
function coreText(): { readonly document: Json; readonly hash: string } {
  if (made) return made;
  const document = {
    openapi: "3.0.0",
    info: { title: "Minke", version: VERSION },
    paths: Object.assign({}, ...RESOURCES.filter(({ group }) => group === "").map(pathsOf)) as Json,
    components: {
      schemas: Object.fromEntries(Object.entries(SCHEMA).map(([name, row]) => [nameOf(name), schemaOf(row)])),
    },
  };
  const hash = createHash("sha256").update(JSON.stringify(document)).digest("hex").slice(0, 32).toUpperCase();
  return (made = { document, hash });
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
  const collection = `/api/${version}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
  const operations = (named: boolean): Json =>
    Object.fromEntries(
      ACTIONS.filter((row) => row[3] === named && verbs.includes(row[0])).map(([, method, action]) => [
        method,
        {
          operationId: `${action}Core${version.toUpperCase()}${namespaced ? "Namespaced" : ""}${kind}`,
          "x-kubernetes-action": action,
          "x-kubernetes-group-version-kind": { group, version, kind },
          parameters: parametersOf(method),
          responses: { 200: { description: "OK", content: { "application/json": { schema: reference(definition) } } } },
        },
      ]),
    );
  const place = namespaced ? [pathParameter("namespace")] : [];
  return {
    [collection]: { ...operations(false), parameters: place },
    [`${collection}/{name}`]: { ...operations(true), parameters: [...place, pathParameter("name")] },
  };
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
  const inApi = definition.startsWith("core.");
  if (inApi) return `io.k8s.api.${definition}`;
  return definition.startsWith("meta.")
    ? `io.k8s.apimachinery.pkg.apis.${definition}`
    : `io.k8s.apimachinery.pkg.${definition}`;
}

function reference(definition: string): Json {
  return { $ref: `#/components/schemas/${nameOf(definition)}` };
}

function schemaOf(row: SchemaDefinition): Json {
  return {
    ...fieldOf(row),
    ...(row.fields
      ? { type: "object", properties: Object.fromEntries(Object.entries(row.fields).map(([k, v]) => [k, fieldOf(v)])) }
      : {}),
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
