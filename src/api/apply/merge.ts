/**
 * Merges what is applied into what is there: fields and items of both, and where both have a value the applied one.
 * Kubernetes: structured-merge-diff typed/merge.go.
 */
import { assign } from "../assign.ts";
import { isRecord, own } from "../record.ts";
import type { SchemaField } from "../schema.ts";
import { fieldUnder, isLeaf, itemElement, type ListShape, shapeOf } from "./shape.ts";

/** Undefined stands for nothing; the result is undefined when nothing is left. */
export function mergeApplied(live: unknown, applied: unknown, field: SchemaField): unknown {
  const shape = shapeOf(field);
  if (isLeaf(shape, live, applied)) return applied === undefined ? live : applied;
  if (shape.kind === "list") return mergeItems(live, applied, shape);
  const [old, now] = [isRecord(live) ? live : {}, isRecord(applied) ? applied : {}];
  const merged: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const below = fieldUnder(shape, key);
    const value = below ? mergeApplied(own(old, key), own(now, key), below) : own(old, key);
    if (value !== undefined) assign(merged, key, value);
  }
  return Object.keys(merged).length > 0 ? merged : undefined;
}

interface Item {
  readonly element: string;
  readonly value: unknown;
}

/** The applied items in their order; the others keep their place beside the neighbours that they share. */
function mergeItems(live: unknown, applied: unknown, shape: ListShape): unknown {
  const [old, now] = [itemsOf(live, shape), itemsOf(applied, shape)];
  const [oldBy, nowBy] = [singles(old), singles(now)];
  const shared = now.filter(({ element }) => oldBy.has(element)).map(({ element }) => element);
  const merged: unknown[] = [];
  const done = new Set<string>();
  const take = (element: string, left: unknown, right: unknown): void => {
    const value = mergeApplied(left, right, shape.items);
    if (value !== undefined) merged.push(value);
    if (right !== undefined) done.add(element);
  };
  for (let [l, r] = [0, 0]; l < old.length || r < now.length;) {
    const [left, right] = [old[l], now[r]];
    if (left && right && left.element === right.element) {
      take(left.element, oldBy.get(left.element), right.value);
      [l, r] = [l + 1, r + 1];
      shared.shift();
      continue;
    }
    // A shared item whose turn has not come, or is over.
    if (left && right && nowBy.has(left.element) && shared.length > 0 && shared[0] !== left.element) {
      l++;
      continue;
    }
    if (left && !nowBy.has(left.element)) {
      take(left.element, left.value, undefined);
      l++;
      continue;
    }
    if (left && done.has(left.element)) l++;
    if (right) {
      take(right.element, oldBy.get(right.element), right.value);
      r++;
      if (shared[0] === right.element) shared.shift();
    }
  }
  return merged.length > 0 ? merged : undefined;
}

function itemsOf(list: unknown, shape: ListShape): Item[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly unknown[]).map((value) => ({ element: itemElement(shape, value), value }));
}

/** By element; what stands there more than once merges with nothing. */
function singles(items: readonly Item[]): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { element, value } of items) values.set(element, values.has(element) ? null : value);
  return values;
}
