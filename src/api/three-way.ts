/**
 * The patch of `kubectl apply`: what turns the object on the server into the manifest, and removes what the manifest of
 * the last time had and this one has not; fields that others set stay. A strategic merge patch along the schema table
 * (Kubernetes: strategicpatch.CreateThreeWayMergePatch).
 */
import { assign } from "./assign.ts";
import { equalJson } from "./equal.ts";
import { type PatchRule, patchRule } from "./patch-schema.ts";
import { isRecord, type JsonRecord, own } from "./record.ts";
import type { SchemaField } from "./schema.ts";
import { DELETE_SCALARS, DIRECTIVE, RETAIN_KEYS, SET_ORDER } from "./strategic-merge.ts";

/** Where kubectl keeps the manifest of the last apply. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * @param last the manifest of the last apply; undefined when the object was not applied before
 * @param manifest the manifest now, with its {@link LAST_APPLIED} annotation
 * @param current the object on the server
 * @param definition the name of its definition in the schema table, such as `core.v1.Pod`
 * @returns an empty object when there is nothing to do
 */
export function threeWayPatch(
  last: JsonRecord | undefined,
  manifest: JsonRecord,
  current: JsonRecord,
  definition: string,
): JsonRecord {
  return diffObjects(last, manifest, current, { ref: definition });
}

/** The manifest with its own text, less that very annotation, in {@link LAST_APPLIED}. */
export function withLastApplied(manifest: JsonRecord): JsonRecord {
  const metadata = own(manifest, "metadata");
  const meta = isRecord(metadata) ? metadata : {};
  const annotations = own(meta, "annotations");
  const { [LAST_APPLIED]: _applied, ...rest } = isRecord(annotations) ? annotations : {};
  const plain = { ...manifest, metadata: { ...meta, annotations: rest } };
  const all = { ...rest, [LAST_APPLIED]: `${goJson(plain)}\n` };
  return { ...manifest, metadata: { ...meta, annotations: all } };
}

/** JSON as Go writes it, so that kubectl and we agree on what has changed: sorted keys, `<`, `>` and `&` escaped. */
function goJson(value: unknown): string {
  const sorted = (_key: string, inner: unknown): unknown =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner;
  return JSON.stringify(value, sorted).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function diffObjects(
  last: JsonRecord | undefined,
  manifest: JsonRecord,
  current: JsonRecord,
  schema: SchemaField,
): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const [key, wanted] of Object.entries(manifest)) {
    const [is, was] = [own(current, key), own(last, key)];
    const rule = patchRule(schema, key);
    if (isRecord(wanted) && isRecord(is) && !rule.replace) {
      const below = diffObjects(isRecord(was) ? was : undefined, wanted, is, rule.below);
      if (rule.retainKeys) retainKeys(below, wanted, is);
      if (Object.keys(below).length > 0) assign(patch, key, below);
    } else if (Array.isArray(wanted) && Array.isArray(is) && rule.mergeList) {
      diffLists(patch, key, Array.isArray(was) ? was : [], wanted, is, rule);
    } else if (!equalJson(is, wanted)) assign(patch, key, wanted);
  }
  for (const key of Object.keys(last ?? {})) {
    if (!Object.hasOwn(manifest, key) && own(current, key) !== undefined) assign(patch, key, null);
  }
  return patch;
}

/** Says which fields stay, when the patch does something or the server has fields that the manifest has not. */
function retainKeys(patch: Record<string, unknown>, wanted: JsonRecord, is: JsonRecord): void {
  const extra = Object.keys(is).some((key) => !Object.hasOwn(wanted, key));
  if (Object.keys(patch).length === 0 && !extra) return;
  patch[RETAIN_KEYS] = Object.keys(wanted)
    .filter((key) => wanted[key] !== null)
    .sort();
}

function diffLists(
  patch: Record<string, unknown>,
  field: string,
  last: readonly unknown[],
  wanted: readonly unknown[],
  is: readonly unknown[],
  rule: PatchRule,
): void {
  const { mergeKey } = rule;
  if (mergeKey === undefined) return diffScalars(patch, field, last, wanted, is);
  const find = (list: readonly unknown[], key: unknown): JsonRecord | undefined =>
    list.filter(isRecord).find((item) => own(item, mergeKey) === key);
  const changes: unknown[] = [];
  for (const item of wanted.filter(isRecord)) {
    const key = own(item, mergeKey);
    const there = find(is, key);
    if (!there) changes.push(item);
    else {
      const below = diffObjects(find(last, key), item, there, rule.below);
      if (rule.retainKeys) retainKeys(below, item, there);
      if (Object.keys(below).length > 0) changes.push({ ...below, [mergeKey]: key });
    }
  }
  for (const item of last.filter(isRecord)) {
    const key = own(item, mergeKey);
    if (!find(wanted, key) && find(is, key)) changes.push({ [DIRECTIVE]: "delete", [mergeKey]: key });
  }
  if (changes.length > 0) patch[field] = changes;
  const keysOf = (list: readonly unknown[]): unknown[] => list.filter(isRecord).map((item) => own(item, mergeKey));
  const keys = keysOf(wanted);
  if (changes.length > 0 || reordered(keysOf(is), keys)) {
    patch[SET_ORDER + field] = keys.map((key) => ({ [mergeKey]: key }));
  }
}

/** Whether what both lists hold stands in another order. */
function reordered(is: readonly unknown[], wanted: readonly unknown[]): boolean {
  return !equalJson(
    is.filter((item) => wanted.includes(item)),
    wanted.filter((item) => is.includes(item)),
  );
}

function diffScalars(
  patch: Record<string, unknown>,
  field: string,
  last: readonly unknown[],
  wanted: readonly unknown[],
  is: readonly unknown[],
): void {
  const added = wanted.filter((item) => !is.includes(item));
  const deleted = last.filter((item) => !wanted.includes(item) && is.includes(item));
  if (added.length > 0) patch[field] = added;
  if (deleted.length > 0) patch[DELETE_SCALARS + field] = deleted;
  if (added.length > 0 || deleted.length > 0 || reordered(is, wanted)) patch[SET_ORDER + field] = wanted;
}
