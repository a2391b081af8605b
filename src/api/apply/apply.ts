/**
 * Server-side apply: who applies says what it wants of an object, owns that, and takes away what it wanted before and does
 * not want any more. Kubernetes: structured-merge-diff merge/update.go, apimachinery util/managedfields.
 */
import { MinkeError } from "../../base/errors.ts";
import { equalJson } from "../equal.ts";
import type { ManagedFieldsEntry, StatusCause } from "../gen/types.ts";
import type { KubeObject } from "../object.ts";
import type { SchemaField } from "../schema.ts";
import { badRequest } from "../status.ts";
import { LAST_APPLIED } from "../three-way.ts";
import { appliedFaults } from "./applied-faults.ts";
import { compareFields } from "./compare.ts";
import { FieldSet, pathText } from "./field-set.ts";
import { decodeManagers, encodeManagers, type Manager, managerId, type Managers } from "./managers.ts";
import { mergeApplied } from "./merge.ts";
import { fieldsOf, withoutFields, withParents } from "./owned-fields.ts";
import { afterChange, type Conflict, changesOf, conflictsWith, ownable } from "./ownership.ts";
import { emptyObject, served, updated, withoutManagers, type Write } from "./track-update.ts";

export interface Applied {
  /** Not decoded yet: what is applied may be written as Go would not write it. */
  readonly object: unknown;
  readonly managedFields: readonly ManagedFieldsEntry[];
}

/** Owns what was there before anybody applied. */
const BEFORE_APPLY = "before-first-apply";
/** Whose manifests of client-side apply count as its own. */
const KUBECTL = "kubectl";

/**
 * Applies `config` onto `live`; undefined `live` stands for a new object. Throws a bad request for a config that does not
 * fit the schema, and `Conflict` with a cause per field when others own what it changes and it is not `force`d.
 */
export function applyConfig(
  live: KubeObject | undefined,
  config: KubeObject,
  { force, ...write }: Write & { readonly force: boolean },
): Applied {
  const field = { ref: write.definition };
  const faults = appliedFaults(config, field);
  if (faults.length > 0) {
    const { namespace = "", name = "" } = config.metadata;
    const text = faults.length === 1 ? faults[0]! : ["errors:", ...faults.map((fault) => `  ${fault}`)].join("\n");
    throw badRequest(
      `failed to create typed patch object (${namespace}/${name}; ${config.apiVersion}, Kind=${config.kind}): ${text}`,
    );
  }
  const before = managersOf(live, write);
  const base = withoutManagers(live ?? emptyObject(write.definition)) as KubeObject;
  const result = onto(base, config, before, write);
  const conflicts = force ? [] : allowed(result.conflicts, base, config, write);
  if (conflicts.length > 0) throw conflictError(conflicts);
  return { object: withLastApplied(result.object, config, write), managedFields: encodeManagers(result.managers) };
}

/** An object that nobody has applied yet belongs to whoever made it what it is. */
function managersOf(live: KubeObject | undefined, write: Write): Managers {
  const managers = decodeManagers(live?.metadata.managedFields ?? []);
  if (!live || managers.size > 0) return managers;
  return updated(emptyObject(write.definition), live, managers, { ...write, manager: BEFORE_APPLY });
}

interface Outcome {
  readonly object: unknown;
  readonly managers: Managers;
  readonly conflicts: readonly Conflict[];
}

function onto(live: KubeObject, config: KubeObject, before: Managers, write: Write): Outcome {
  const { definition, scope, subresource, manager, now } = write;
  const field = { ref: definition };
  const applier = { name: manager, operation: "Apply", apiVersion: config.apiVersion, subresource } as const;
  const id = managerId(applier);
  const managers = new Map(served(before, config.apiVersion));
  const last = managers.get(id);
  const set = fieldsOf(config, field).only((element) => scope(element.slice(2)));
  managers.set(id, { ...applier, fields: set });
  const merged = mergeApplied(live, config, field);
  const object = last ? pruned(merged, managers, last.fields, field) : merged;
  const changes = changesOf(live, object, field, scope);
  const conflicts = conflictsWith(managers, id, changes);
  const after = afterChange(managers, id, changes);
  const fields = ownable(set, scope);
  const same = last?.time && equalJson(object, live) && equalJson(fields.toJson(), last.fields.toJson());
  if (fields.empty) after.delete(id);
  else after.set(id, { ...applier, time: same ? last.time! : now, fields });
  return { object, managers: after, conflicts };
}

/**
 * Takes out of `merged` what the applier applied the last time and now does not, unless somebody else owns it. What nobody
 * owns below it, or beside it, stays.
 */
function pruned(merged: unknown, managers: ReadonlyMap<string, Manager>, last: FieldSet, field: SchemaField): unknown {
  if (last.empty) return merged;
  const all = withParents(fieldsOf(merged, field), field);
  const owned = [...managers.values()].reduce((set, { fields }) => set.union(fields), new FieldSet());
  const bare = fieldsIn(withoutFields(merged, withParents(last, field), field), field);
  const kept = withoutFields(merged, all.difference(bare.union(withParents(owned, field))), field);
  const gone = all.difference(fieldsIn(kept, field)).intersection(withParents(last, field));
  return withoutFields(merged, gone, field);
}

function fieldsIn(value: unknown, field: SchemaField): FieldSet {
  return withParents(fieldsOf(value, field), field);
}

/** Fields that still are as `kubectl apply` has left them on the client side are its own. */
function allowed(
  conflicts: readonly Conflict[],
  live: KubeObject,
  config: KubeObject,
  write: Write,
): readonly Conflict[] {
  if (conflicts.length === 0 || write.manager !== KUBECTL) return conflicts;
  const last = lastAppliedOf(live);
  const field = { ref: write.definition };
  if (last?.apiVersion !== config.apiVersion || appliedFaults(last, field).length > 0) return conflicts;
  const { added, modified, removed } = compareFields(last, live, field);
  const own = fieldsOf(last, field).difference(modified).difference(added).difference(removed);
  return conflicts.filter(({ path }) => !own.has(path));
}

function lastAppliedOf({ metadata }: KubeObject): KubeObject | undefined {
  try {
    return JSON.parse(metadata.annotations?.[LAST_APPLIED] ?? "") as KubeObject;
  } catch {
    return undefined;
  }
}

/** Keeps kubectl's manifest up to date on an object that has one, for those who still apply on the client side. */
function withLastApplied(object: unknown, config: KubeObject, { manager }: Write): unknown {
  const { metadata, ...rest } = object as KubeObject;
  if (manager !== KUBECTL || !metadata.annotations?.[LAST_APPLIED]) return object;
  const { [LAST_APPLIED]: _, ...annotations } = config.metadata.annotations ?? {};
  const plain = {
    ...config,
    metadata: { ...config.metadata, ...(config.metadata.annotations ? { annotations } : {}) },
  };
  const text = `${JSON.stringify(plain)}\n`;
  return { ...rest, metadata: { ...metadata, annotations: { ...metadata.annotations, [LAST_APPLIED]: text } } };
}

function conflictError(conflicts: readonly Conflict[]): MinkeError {
  const causes = conflicts.map(({ manager, path }): StatusCause => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${managerText(manager)}`,
    field: pathText(path),
  }));
  const lines = [...Map.groupBy(causes, ({ message }) => message)].flatMap(([message, group]) => [
    `${message!.replace("conflict with", "conflicts with")}:`,
    ...group.map(({ field }) => `- ${field}`),
  ]);
  const text =
    causes.length === 1
      ? `1 conflict: ${causes[0]!.message}: ${causes[0]!.field}`
      : `${causes.length} conflicts: ${lines.join("\n")}`;
  return new MinkeError("Conflict", `Apply failed with ${text}`, { details: { causes } });
}

function managerText({ name, operation, apiVersion, subresource }: Manager): string {
  const named = JSON.stringify(name) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Update" ? `${named} using ${apiVersion}` : named;
}
