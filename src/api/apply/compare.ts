/** Which fields differ between two states of an object, each as far as it is owned. Kubernetes: structured-merge-diff typed. */
import { equalJson } from "../equal.ts";
import { isRecord, own } from "../record.ts";
import type { SchemaField } from "../schema.ts";
import { FieldSet, type Path } from "./field-set.ts";
import { fieldUnder, isLeaf, itemElement, type ListShape, shapeOf } from "./shape.ts";

export interface Comparison {
  readonly added: FieldSet;
  /** There before and after, and different. */
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Both are of the shape that `field` says; undefined stands for nothing. */
export function compareFields(before: unknown, after: unknown, field: SchemaField): Comparison {
  const found = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  visit(before, after, field, [], found);
  return found;
}

function visit(before: unknown, after: unknown, field: SchemaField, path: Path, found: Comparison): void {
  const shape = shapeOf(field);
  const leaf = isLeaf(shape, before, after);
  if (before === undefined) found.added.insert(path);
  else if (after === undefined) found.removed.insert(path);
  else if (leaf && !equalJson(before, after)) found.modified.insert(path);
  if (leaf) return;
  if (shape.kind === "list") return visitItems(before, after, shape, path, found);
  const [old, now] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}];
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const below = fieldUnder(shape, key);
    if (below) visit(own(old, key), own(now, key), below, [...path, `f:${key}`], found);
  }
}

function visitItems(before: unknown, after: unknown, shape: ListShape, path: Path, found: Comparison): void {
  const [old, now] = [byElement(before, shape), byElement(after, shape)];
  for (const element of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(element) ?? [], now.get(element) ?? []];
    const below = [...path, element];
    if (was.length <= 1 && is.length <= 1) visit(was[0], is[0], shape.items, below, found);
    else if (was.length > 1 && is.length > 1) {
      // What stands there more than once is one piece.
      if (!equalJson(was, is)) found.modified.insert(below);
    } else if (was.length > 1) {
      if (is.length > 0) visit(undefined, is[0], shape.items, below, found);
      found.removed.insert(below);
    } else {
      if (was.length > 0) visit(was[0], undefined, shape.items, below, found);
      found.added.insert(below);
    }
  }
}

function byElement(list: unknown, shape: ListShape): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of Array.isArray(list) ? (list as readonly unknown[]) : []) {
    const element = itemElement(shape, item);
    const same = items.get(element);
    if (same) same.push(item);
    else items.set(element, [item]);
  }
  return items;
}
