/**
 * How the schema table says that a field is owned: as one piece, field by field, or item by item. Kubernetes: kube-openapi
 * schemaconv, structured-merge-diff typed.
 */
import { SCHEMA } from "../gen/schema.ts";
import { isRecord } from "../record.ts";
import type { SchemaField } from "../schema.ts";
import { keyElement, valueElement } from "./field-set.ts";

export type Shape =
  | { readonly kind: "scalar"; readonly type: "string" | "boolean" | "number" | "any" }
  /** Any JSON, owned as one piece. */
  | { readonly kind: "opaque" }
  /** Named fields. */
  | { readonly kind: "struct"; readonly atomic: boolean; readonly fields: Readonly<Record<string, SchemaField>> }
  /** Any keys, whose values are alike. */
  | { readonly kind: "map"; readonly atomic: boolean; readonly values: SchemaField }
  | {
      readonly kind: "list";
      readonly atomic: boolean;
      readonly items: SchemaField;
      /** What tells items apart; none for a set of scalars. */
      readonly keys: readonly string[];
    };

const SCALARS: Readonly<Record<string, "string" | "any">> = {
  "api.resource.Quantity": "any",
  "util.intstr.IntOrString": "any",
  "meta.v1.Time": "string",
  "meta.v1.MicroTime": "string",
};
const OPAQUE = new Set(["meta.v1.FieldsV1", "runtime.RawExtension"]);

export function shapeOf(field: SchemaField): Shape {
  const { ref } = field;
  if (ref === undefined) return plainShape(field);
  if (SCALARS[ref]) return { kind: "scalar", type: SCALARS[ref] };
  const definition = SCHEMA[ref]!;
  if (OPAQUE.has(ref)) return { kind: "opaque" };
  if (!definition.fields) return plainShape(definition);
  return { kind: "struct", atomic: (field.map ?? definition.map) === "atomic", fields: definition.fields };
}

function plainShape(field: SchemaField): Shape {
  switch (field.type) {
    case "array":
      return listShape(field);
    case "map":
      if (!field.values) return { kind: "opaque" };
      return { kind: "map", atomic: field.map === "atomic", values: field.values };
    case "string":
    case "boolean":
      return { kind: "scalar", type: field.type };
    case "integer":
    case "number":
      return { kind: "scalar", type: "number" };
    default:
      return { kind: "opaque" };
  }
}

/** A list that says nothing of itself is one piece, unless strategic merge patch takes it apart. */
function listShape(field: SchemaField): Shape {
  const items = field.items ?? {};
  if (field.list) return { kind: "list", atomic: field.list === "atomic", items, keys: field.keys ?? [] };
  const merges = field.patch?.split(",").includes("merge") ?? false;
  return { kind: "list", atomic: !merges, items, keys: field.mergeKey === undefined ? [] : [field.mergeKey] };
}

/** The schema of what stands under a key; undefined when there is no such field. */
export function fieldUnder(shape: Shape, key: string): SchemaField | undefined {
  if (shape.kind === "map") return shape.values;
  return shape.kind === "struct" && Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
}

export type ListShape = Extract<Shape, { readonly kind: "list" }>;

/** The path element of a list's item. Throws a plain Error that says why there is none. */
export function itemElement(shape: ListShape, item: unknown): string {
  if (shape.keys.length > 0) return keysOf(shape, item);
  if (isRecord(item)) throw new Error("associative list without keys has an element that's a map type");
  if (Array.isArray(item)) throw new Error("not supported: associative list with lists as elements");
  if (item === null) throw new Error("associative list without keys has an element that's an explicit null");
  return valueElement(item);
}

function keysOf({ keys, items }: ListShape, item: unknown): string {
  if (item === null) throw new Error("associative list with keys may not have a null element");
  if (!isRecord(item)) throw new Error("associative list with keys may not have non-map elements");
  const shape = shapeOf(items);
  const found = keys.flatMap((key): (readonly [string, unknown])[] => {
    const value = Object.hasOwn(item, key) ? item[key] : fieldUnder(shape, key)?.default;
    return value === undefined ? [] : [[key, value]];
  });
  if (found.length === 0) {
    const names = keys.map((key) => JSON.stringify(key)).join(" ");
    throw new Error(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(found);
}

/** Nothing there: absent, null, or without a single item or field. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}

/** True for what is compared, merged and owned as one piece. */
export function isLeaf(shape: Shape, before: unknown, after: unknown): boolean {
  if (shape.kind === "scalar" || shape.kind === "opaque" || shape.atomic) return true;
  return isEmpty(before) && isEmpty(after);
}
