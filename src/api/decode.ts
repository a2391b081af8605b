/**
 * Reads untrusted data as a Kubernetes object, along the schema table: types are checked, unknown fields are dropped and
 * reported by their path, nulls, empty lists and empty maps are dropped, quantities are brought into canonical form, required fields are there. What comes out is safe to treat as
 * the generated types say.
 */
import { isMinkeError, MinkeError } from "../base/errors.ts";
import { assign } from "./assign.ts";
import { isBase64 } from "./base64.ts";
import { SCHEMA } from "./gen/schema.ts";
import type { KubeObject } from "./object.ts";
import { canonicalQuantity } from "./quantity.ts";
import { isRecord } from "./record.ts";
import { type Resource, resourceOfKind } from "./resources.ts";
import type { SchemaField } from "./schema.ts";
import { badRequest } from "./status.ts";

export interface Decoded<T = Readonly<Record<string, unknown>>> {
  readonly object: T;
  /** Paths of fields that the schema does not know; they are not in `object`. */
  readonly unknown: readonly string[];
}

export interface DecodeOptions {
  /** Unknown fields are an error. */
  readonly strict?: boolean;
}

/** Values in one object. YAML aliases can make a small text stand for many more. */
const NODES_MAX = 1_000_000;
/** Nesting below a free-form field (managed fields, raw extensions). */
const FREE_FORM_DEPTH_MAX = 64;

interface State {
  readonly unknown: string[];
  nodes: number;
}

/**
 * Decodes `value` as the definition of that name. Throws `InvalidArgument`; `details.field` is the path, and the message
 * begins with it.
 */
export function decode<T = Readonly<Record<string, unknown>>>(
  value: unknown,
  definition: string,
  options: DecodeOptions = {},
): Decoded<T> {
  const state: State = { unknown: [], nodes: 0 };
  const object = walk(value, { ref: definition }, "", state) as T;
  if (options.strict) rejectUnknown(state.unknown);
  return { object, unknown: state.unknown };
}

/** Decodes an object of any kind that is served, by its apiVersion and kind. Throws `InvalidArgument` (400). */
export function decodeObject(
  value: unknown,
  options: DecodeOptions = {},
): Decoded<KubeObject> & { readonly resource: Resource } {
  const resource = requireResource(value);
  const { version, kind, definition } = resource;
  try {
    const { object, unknown } = decode<KubeObject>(value, definition, options);
    return { object: object.metadata ? object : { ...object, metadata: {} }, unknown, resource };
  } catch (error) {
    if (!isMinkeError(error)) throw error;
    throw new MinkeError(
      error.code,
      `${kind} in version "${version}" cannot be handled as a ${kind}: ${error.message}`,
      { details: error.details },
    );
  }
}

/** `unknown field "spec.x"`: how Kubernetes words it in warnings, and behind "strict decoding error: ". */
export function unknownFieldText(path: string): string {
  return `unknown field ${JSON.stringify(path)}`;
}

function rejectUnknown(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new MinkeError("InvalidArgument", `strict decoding error: ${unknown.map(unknownFieldText).join(", ")}`, {
    details: { field: unknown[0], unknown },
  });
}

function requireResource(value: unknown): Resource {
  if (!isRecord(value)) throw badRequest(`expected an object with apiVersion and kind, got ${typeName(value)}`);
  const { apiVersion, kind } = value;
  if (typeof kind !== "string" || kind === "") throw badRequest("Object 'Kind' is missing");
  if (typeof apiVersion !== "string" || apiVersion === "") throw badRequest("Object 'apiVersion' is missing");
  const resource = resourceOfKind(apiVersion, kind);
  if (!resource) throw badRequest(`no matches for kind "${kind}" in version "${apiVersion}"`);
  return resource;
}

function walk(value: unknown, field: SchemaField, path: string, state: State): unknown {
  if (++state.nodes > NODES_MAX) throw fault("", `has more than ${NODES_MAX} values`);
  if (field.ref !== undefined) return walkDefinition(value, field.ref, path, state);
  switch (field.type) {
    case "string":
      if (typeof value !== "string") throw wrongType(path, "string", value);
      if (field.format === "byte") requireBase64(value, path);
      return value;
    case "boolean":
      if (typeof value !== "boolean") throw wrongType(path, "boolean", value);
      return value;
    case "integer":
      return readInteger(value, field.format, path);
    case "number":
      if (typeof value !== "number" || !Number.isFinite(value)) throw wrongType(path, "number", value);
      return value;
    case "array":
      if (!Array.isArray(value)) throw wrongType(path, "array", value);
      return value.map((item: unknown, index) =>
        walk(item ?? zeroOf(field.items!), field.items!, `${path}[${index}]`, state),
      );
    case "map":
      if (!field.values) return freeForm(value, path);
      return walkMap(value, field.values, path, state);
    default:
      return freeForm(value, path);
  }
}

function walkDefinition(value: unknown, name: string, path: string, state: State): unknown {
  switch (name) {
    case "api.resource.Quantity":
      return readQuantity(value, path);
    case "util.intstr.IntOrString":
      return typeof value === "string" ? value : readInteger(value, "int32", path, "integer or string");
    case "meta.v1.Time":
    case "meta.v1.MicroTime":
      return readTime(value, path);
  }
  const definition = SCHEMA[name]!;
  if (!definition.fields) return walk(value, definition, path, state);
  if (!isRecord(value)) throw wrongType(path, "object", value);
  const object: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const below = path === "" ? key : `${path}.${key}`;
    const field = Object.hasOwn(definition.fields, key) ? definition.fields[key]! : undefined;
    if (!field) state.unknown.push(below);
    else if (item !== null && item !== undefined) {
      const decoded = walk(item, field, below, state);
      if (!isLeftOut(decoded, field) || definition.required?.includes(key)) object[key] = decoded;
    }
  }
  for (const key of definition.required ?? []) {
    // Validation tells what is missing where; until then an absent field is Go's zero value, as the types promise.
    const field = definition.fields[key];
    if (field && object[key] === undefined) object[key] = walk(zeroOf(field), field, `${path}.${key}`, state);
  }
  return object;
}

/** An empty list or map is as good as none: Go's `omitempty`, which all of them have that are not required. */
function isLeftOut(value: unknown, field: SchemaField): boolean {
  if (field.type === "array") return (value as readonly unknown[]).length === 0;
  return field.type === "map" && field.values !== undefined && Object.keys(value as object).length === 0;
}

function walkMap(value: unknown, values: SchemaField, path: string, state: State): unknown {
  if (!isRecord(value)) throw wrongType(path, "object", value);
  const map: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    assign(map, key, walk(item ?? zeroOf(values), values, `${path}[${key}]`, state));
  }
  return map;
}

/** What null stands for as an element of a list or a map: Go's zero value. */
function zeroOf(field: SchemaField): unknown {
  if (field.ref === "api.resource.Quantity") return "0";
  if (field.ref === "util.intstr.IntOrString") return 0;
  if (field.ref === "meta.v1.Time" || field.ref === "meta.v1.MicroTime") return "0001-01-01T00:00:00Z";
  if (field.ref !== undefined || field.type === "map" || field.type === "object") return {};
  if (field.type === "array") return [];
  return field.type === "string" ? "" : field.type === "boolean" ? false : 0;
}

function readInteger(value: unknown, format: string | undefined, path: string, wanted = "integer"): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(path, wanted, value);
  const limit = format === "int32" ? 2 ** 31 : 2 ** 63;
  if (value < -limit || value >= limit) throw wrongType(path, format ?? wanted, value);
  return value;
}

function readQuantity(value: unknown, path: string): string {
  if (typeof value !== "string" && typeof value !== "number") throw wrongType(path, "quantity", value);
  try {
    return canonicalQuantity(value);
  } catch (error) {
    throw fault(path, `${JSON.stringify(value)}: ${(error as Error).message}`);
  }
}

function readTime(value: unknown, path: string): string {
  if (typeof value !== "string") throw wrongType(path, "RFC 3339 time", value);
  const syntax = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
  if (!syntax.test(value) || Number.isNaN(Date.parse(value))) throw wrongType(path, "RFC 3339 time", value);
  return value;
}

function requireBase64(value: string, path: string): void {
  if (!isBase64(value)) throw fault(path, "illegal base64 data");
}

/** Any JSON, as it is. Too deep nesting would overflow the stack of whoever walks it later. */
function freeForm(value: unknown, path: string, depth = 0): unknown {
  if (depth > FREE_FORM_DEPTH_MAX) throw fault(path, `is nested deeper than ${FREE_FORM_DEPTH_MAX} levels`);
  if (depth === 0 && !isRecord(value)) throw wrongType(path, "object", value);
  if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) freeForm(item, path, depth + 1);
  }
  return value;
}

function typeName(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** Longer values are cut in messages. */
const SHOWN_MAX = 64;

function wrongType(path: string, wanted: string, value: unknown): MinkeError {
  const scalar = typeof value !== "object" && value !== undefined;
  const text = scalar ? JSON.stringify(value) : "";
  const shown = text === "" ? "" : ` ${text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}`;
  const hint = wanted === "string" && scalar ? "; put it in quotes" : "";
  return fault(path, `expected ${wanted}, got ${typeName(value)}${shown}${hint}`);
}

function fault(path: string, why: string): MinkeError {
  return new MinkeError("InvalidArgument", path === "" ? why : `${path}: ${why}`, { details: { field: path } });
}
