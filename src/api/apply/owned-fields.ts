/** From an object to the set of its fields, and from a set of fields to an object without them. */
import { assign } from "../assign.ts";
import { isRecord } from "../record.ts";
import type { SchemaField } from "../schema.ts";
import { FieldSet, type Path } from "./field-set.ts";
import { fieldUnder, isEmpty, itemElement, type ListShape, shapeOf } from "./shape.ts";

/** The fields that an applied object says something of. */
export function fieldsOf(value: unknown, field: SchemaField): FieldSet {
  const set = new FieldSet();
  collect(value, field, [], set);
  return set;
}

function collect(value: unknown, field: SchemaField, path: Path, set: FieldSet): void {
  const shape = shapeOf(field);
  if (shape.kind === "scalar" || shape.kind === "opaque" || shape.atomic) return set.insert(path);
  if (shape.kind === "list") return collectItems(value, shape, path, set);
  for (const [key, item] of Object.entries(isRecord(value) ? value : {})) {
    const below = [...path, `f:${key}`];
    const declared = fieldUnder(shape, key);
    if (declared) collect(item, declared, below, set);
    if (item === null || (isRecord(item) && isEmpty(item)) || shape.kind === "map") set.insert(below);
  }
}

function collectItems(value: unknown, shape: ListShape, path: Path, set: FieldSet): void {
  const items = (Array.isArray(value) ? (value as readonly unknown[]) : []).map(
    (item) => [itemElement(shape, item), item] as const,
  );
  for (const [element, item] of items) {
    const below = [...path, element];
    set.insert(below);
    // What stands there more than once is one piece.
    if (items.filter(([other]) => other === element).length === 1) collect(item, shape.items, below, set);
  }
}

/** The value without the fields in the set; null when nothing of it is left. */
export function withoutFields(value: unknown, set: FieldSet, field: SchemaField): unknown {
  const shape = shapeOf(field);
  if (shape.kind === "scalar") return value;
  if (isEmpty(value) || shape.kind === "opaque" || shape.atomic) return null;
  if (shape.kind === "list") {
    const items = (value as readonly unknown[]).flatMap((item) => {
      const element = itemElement(shape, item);
      return set.hasMember(element) ? [] : [without(item, element, set, shape.items)];
    });
    return items.length > 0 ? items : null;
  }
  const kept: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value as object)) {
    if (set.hasMember(`f:${key}`)) continue;
    assign(kept, key, without(item, `f:${key}`, set, fieldUnder(shape, key) ?? {}));
  }
  return isEmpty(kept) ? null : kept;
}

function without(item: unknown, element: string, set: FieldSet, field: SchemaField): unknown {
  const below = set.below(element);
  return below ? withoutFields(item, below, field) : item;
}

/** With every named field that something lies below as a member of the set. */
export function withParents(set: FieldSet, field: SchemaField): FieldSet {
  const shape = shapeOf(field);
  const named = (element: string): boolean =>
    shape.kind === "struct" && element.startsWith("f:") && fieldUnder(shape, element.slice(2)) !== undefined;
  return set.withNodes(named, (element, child) => {
    const below = element.startsWith("f:")
      ? fieldUnder(shape, element.slice(2))
      : shape.kind === "list" && element.startsWith("k:")
        ? shape.items
        : undefined;
    return withParents(child, below ?? {});
  });
}
