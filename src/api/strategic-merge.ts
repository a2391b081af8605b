/**
 * Strategic merge patch: a merge patch whose lists merge by key, as the schema says, with directives inside the patch
 * (Kubernetes: apimachinery util/strategicpatch).
 *
 * - `$patch: replace | delete` in an object
 * - `$patch: delete` beside a merge key in an item of a list, `$patch: replace` in any item for the list as a whole
 * - `$retainKeys: [field, …]`: all other fields of the object go
 * - `$deleteFromPrimitiveList/<field>: [value, …]`
 * - `$setElementOrder/<field>: [{key}, …]`: the order of those items; others keep their place among each other
 */
import type { MinkeError } from "../base/errors.ts";
import { assign } from "./assign.ts";
import { equalJson } from "./equal.ts";
import { goText } from "./go-text.ts";
import { type PatchRule, patchRule } from "./patch-schema.ts";
import { isRecord, type JsonRecord, own } from "./record.ts";
import type { SchemaField } from "./schema.ts";
import { badRequest, unprocessable } from "./status.ts";

export const DIRECTIVE = "$patch";
export const RETAIN_KEYS = "$retainKeys";
export const SET_ORDER = "$setElementOrder/";
export const DELETE_SCALARS = "$deleteFromPrimitiveList/";

/** The patched copy of an object of that definition. Throws `InvalidArgument` in Kubernetes' words for a patch that makes no sense. */
export function strategicMerge(original: JsonRecord, patch: unknown, definition: string): JsonRecord {
  if (!isRecord(patch)) throw badRequest("error decoding patch: an object is expected");
  return mergeObjects(original, patch, { ref: definition });
}

function mergeObjects(original: JsonRecord, patch: JsonRecord, schema: SchemaField): JsonRecord {
  const directive = own(patch, DIRECTIVE);
  if (directive === "delete") return {};
  if (directive === "replace") return withoutDirectives(patch) as JsonRecord;
  if (directive !== undefined) throw unknownDirective(patch);
  const result: Record<string, unknown> = {};
  const retained = retainedFields(patch);
  for (const [key, value] of Object.entries(original)) {
    if (!retained || retained.has(key)) assign(result, key, value);
  }
  for (const key of fieldsOf(patch)) {
    const merged = mergeField(own(result, key), patch, key, patchRule(schema, key));
    if (merged === undefined) delete result[key];
    else assign(result, key, merged);
  }
  return result;
}

/** The fields that a patch speaks of, directives included under the field that they are about. */
function fieldsOf(patch: JsonRecord): Set<string> {
  const names = Object.keys(patch).filter((key) => key !== DIRECTIVE && key !== RETAIN_KEYS);
  const about = (key: string): string =>
    [SET_ORDER, DELETE_SCALARS].reduce(
      (name, prefix) => (name.startsWith(prefix) ? name.slice(prefix.length) : name),
      key,
    );
  return new Set(names.map(about));
}

function retainedFields(patch: JsonRecord): Set<unknown> | undefined {
  const list = own(patch, RETAIN_KEYS);
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) throw badRequest("invalid patch format of retainKeys");
  const retained = new Set<unknown>(list);
  for (const key of fieldsOf(patch)) {
    if (!retained.has(key) && own(patch, key) !== null && own(patch, key) !== undefined) {
      throw badRequest(`invalid patch format of retainKeys: ${JSON.stringify(key)} is set and not in the list`);
    }
  }
  return retained;
}

/** The new value of a field; undefined when it goes. */
function mergeField(value: unknown, patch: JsonRecord, key: string, rule: PatchRule): unknown {
  const change = own(patch, key);
  const order = own(patch, SET_ORDER + key);
  const deleted = own(patch, DELETE_SCALARS + key);
  if (change === null) return undefined;
  let merged = change === undefined ? value : mergeValues(value, change, rule);
  if (order !== undefined) merged = inOrder(merged, order, { before: value, change, rule, field: key });
  if (deleted !== undefined && Array.isArray(merged)) {
    if (!Array.isArray(deleted)) throw badRequest(`invalid patch format of primitive list: ${DELETE_SCALARS}${key}`);
    merged = merged.filter((item) => !deleted.includes(item));
  }
  return merged;
}

function mergeValues(value: unknown, change: unknown, rule: PatchRule): unknown {
  if (isRecord(value) && isRecord(change) && !rule.replace) return mergeObjects(value, change, rule.below);
  if (Array.isArray(value) && Array.isArray(change) && rule.mergeList) return mergeLists(value, change, rule);
  // A directive that has nothing to act upon takes its object with it.
  if (isRecord(change) && own(change, DIRECTIVE) !== undefined) return undefined;
  return withoutDirectives(change);
}

function mergeLists(list: readonly unknown[], patch: readonly unknown[], rule: PatchRule): readonly unknown[] {
  const items = [...list, ...patch];
  if (items.length === 0) return list;
  if (items.some(Array.isArray)) throw unprocessable("lists of lists are not supported");
  if (new Set(items.map(kindOf)).size > 1) {
    throw badRequest(`list element types are not identical: ${goText([list, patch])}`);
  }
  if (!items.every(isRecord)) {
    const merged = [...new Set([...list, ...patch])];
    return interleave(merged, patch, list, (item) => item);
  }
  const { mergeKey } = rule;
  if (mergeKey === undefined) throw badRequest("cannot merge lists without merge key");
  const keyOf = (item: unknown): unknown => requireKey(item, mergeKey);
  const changes = (patch as readonly JsonRecord[]).filter((item) => own(item, DIRECTIVE) === undefined);
  const directives = (patch as readonly JsonRecord[]).filter((item) => own(item, DIRECTIVE) !== undefined);
  const removed = new Set<unknown>();
  let replaced = false;
  for (const item of directives) {
    const directive = own(item, DIRECTIVE);
    if (directive === "delete") removed.add(keyOf(item));
    else if (directive === "replace") replaced = true;
    else if (directive === "merge") throw badRequest("merging lists cannot yet be specified in the patch");
    else throw unknownDirective(item);
  }
  if (replaced) return changes.map(withoutDirectives);
  const kept = list.filter((item) => !removed.has(keyOf(item)));
  const merged = [...kept];
  for (const change of changes) {
    const at = merged.findIndex((item) => keyOf(item) === keyOf(change));
    if (at < 0) merged.push(withoutDirectives(change));
    else merged[at] = mergeObjects(merged[at] as JsonRecord, change, rule.below);
  }
  return interleave(merged, changes, kept, keyOf);
}

interface Ordered {
  readonly before: unknown;
  /** The patch's own list, whose order must be that of the directive. */
  readonly change: unknown;
  readonly rule: PatchRule;
  readonly field: string;
}

function inOrder(merged: unknown, order: unknown, { before, change, rule, field }: Ordered): unknown {
  if (!Array.isArray(order)) throw badRequest(`invalid patch format of setElementOrder list: ${SET_ORDER}${field}`);
  if (!Array.isArray(merged)) return merged;
  const { mergeKey } = rule;
  const keyOf = (item: unknown): unknown => (mergeKey === undefined ? item : requireKey(item, mergeKey));
  requireSameOrder(Array.isArray(change) ? change : [], order, keyOf);
  return interleave(merged, order, Array.isArray(before) ? before : [], keyOf);
}

function requireSameOrder(
  change: readonly unknown[],
  order: readonly unknown[],
  keyOf: (item: unknown) => unknown,
): void {
  if (order.length === 0) return;
  let at = 0;
  for (const item of change) {
    if (isRecord(item) && own(item, DIRECTIVE) !== undefined) continue;
    while (at < order.length && keyOf(order[at]) !== keyOf(item)) at++;
    if (at++ < order.length) continue;
    throw badRequest(
      `The order in patch list:\n${goText(change)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
    );
  }
}

/**
 * Puts the items that `order` names into its order, and all others among them: as they stood in `before` where both stood
 * there, else behind.
 */
function interleave(
  items: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  keyOf: (item: unknown) => unknown,
): unknown[] {
  const rankIn = (list: readonly unknown[]): ReadonlyMap<unknown, number> =>
    new Map(list.map((item, index) => [keyOf(item), index]));
  const [wanted, stood] = [rankIn(order), rankIn(before)];
  const ordered = items.filter((item) => wanted.has(keyOf(item)));
  ordered.sort((a, b) => wanted.get(keyOf(a))! - wanted.get(keyOf(b))!);
  const others = items.filter((item) => !wanted.has(keyOf(item)));
  const result: unknown[] = [];
  while (ordered.length > 0 && others.length > 0) {
    const other = stood.get(keyOf(others[0]));
    const named = stood.get(keyOf(ordered[0]));
    result.push(other !== undefined && named !== undefined && other < named ? others.shift() : ordered.shift());
  }
  return [...result, ...ordered, ...others];
}

function requireKey(item: unknown, mergeKey: string): unknown {
  const key = isRecord(item) ? own(item, mergeKey) : undefined;
  if (key === undefined) throw badRequest(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  return key;
}

function unknownDirective(patch: JsonRecord): MinkeError {
  return badRequest(`unknown patch type: ${goText(own(patch, DIRECTIVE))} in map: ${goText(patch)}`);
}

/** What Go would call the type of a list's item. */
function kindOf(item: unknown): string {
  return item === null ? "nil" : typeof item;
}

/** A value that is added as a whole: what directives it holds, and its nulls, have nothing to act upon. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    const kept = value.filter((item) => !isRecord(item) || own(item, DIRECTIVE) === undefined);
    const clean = kept.map(withoutDirectives);
    return equalJson(clean, value) ? value : clean;
  }
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const directive =
      [DIRECTIVE, RETAIN_KEYS].includes(key) || key.startsWith(SET_ORDER) || key.startsWith(DELETE_SCALARS);
    const dropped = isRecord(item) && own(item, DIRECTIVE) !== undefined;
    if (!directive && !dropped && item !== null) assign(result, key, withoutDirectives(item));
  }
  return result;
}
