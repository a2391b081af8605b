/**
 * What is wrong with the shape of an applied object: unknown fields, wrong types, items that can not be told apart.
 * Kubernetes: structured-merge-diff typed/validate.go, whose words these are.
 */
import { isRecord } from "../record.ts";
import type { SchemaField } from "../schema.ts";
import { elementText } from "./field-set.ts";
import { fieldUnder, itemElement, type ListShape, type Shape, shapeOf } from "./shape.ts";

/** One line per fault, each with its path: `.spec.colour: field not declared in schema`. */
export function appliedFaults(value: unknown, field: SchemaField, path = ""): string[] {
  const shape = shapeOf(field);
  if (value === null || shape.kind === "opaque") return [];
  if (shape.kind === "scalar") return scalarFaults(value, shape, path);
  if (shape.kind === "list")
    return Array.isArray(value) ? itemFaults(value, shape, path) : [wrong(path, "list", value)];
  if (!isRecord(value)) return [wrong(path, "map", value)];
  return Object.entries(value).flatMap(([key, item]) => {
    const below = fieldUnder(shape, key);
    return below ? appliedFaults(item, below, `${path}.${key}`) : [`${path}.${key}: field not declared in schema`];
  });
}

function scalarFaults(value: unknown, { type }: Extract<Shape, { readonly kind: "scalar" }>, path: string): string[] {
  const fits = type === "any" ? typeof value === "string" || typeof value === "number" : typeof value === type;
  const names = { any: "any scalar", number: "numeric (int or float)", string: "string", boolean: "boolean" };
  return fits ? [] : [wrong(path, names[type], value)];
}

function itemFaults(list: readonly unknown[], shape: ListShape, path: string): string[] {
  const seen = new Set<string>();
  const faults: string[] = [];
  for (const [index, item] of list.entries()) {
    let element = `i:${index}`;
    if (!shape.atomic) {
      try {
        element = itemElement(shape, item);
      } catch (error) {
        return [...faults, `${path}: element ${index}: ${(error as Error).message}`];
      }
      if (seen.has(element)) faults.push(`${path}: duplicate entries for key ${elementText(element)}`);
      seen.add(element);
    }
    faults.push(...appliedFaults(item, shape.items, path + elementText(element)));
  }
  return faults;
}

function wrong(path: string, wanted: string, value: unknown): string {
  return `${path === "" ? "" : `${path}: `}expected ${wanted}, got ${JSON.stringify(value)}`;
}
