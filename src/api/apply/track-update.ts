/** `managedFields` after a create, an update or a patch: the writer owns what it has changed. */
import { isMinkeError } from "../../base/errors.ts";
import type { ManagedFieldsEntry } from "../gen/types.ts";
import type { KubeObject } from "../object.ts";
import { SCHEMA } from "../gen/schema.ts";
import type { SchemaField } from "../schema.ts";
import { FieldSet } from "./field-set.ts";
import { decodeManagers, encodeManagers, type Manager, managerId, type Managers } from "./managers.ts";
import { afterChange, changesOf, ownable, type Scope } from "./ownership.ts";

/** Who writes, and what. */
export interface Write {
  /** May be empty: then it is "unknown". */
  readonly manager: string;
  readonly subresource: string;
  /** The name of the object's definition in the schema table. */
  readonly definition: string;
  readonly scope: Scope;
  /** RFC 3339. */
  readonly now: string;
}

/** So many managers that update; the oldest ones above that are thrown together. Kubernetes: managedfields capmanagers.go. */
const UPDATERS_MAX = 10;
const OLD_UPDATERS = "ancient-changes";

/**
 * The entries for `next`, which replaces `live`; undefined `live` stands for a new object. What a client sends as managed
 * fields counts, so that it can take itself or others out, but not on a subresource.
 */
export function trackUpdate(live: KubeObject | undefined, next: KubeObject, write: Write): ManagedFieldsEntry[] {
  const managers = managersBefore(live, next, write);
  // An object that was never tracked stays so, until somebody applies.
  if (live && managers.size === 0) return [];
  const tracked = updated(live ?? emptyObject(write.definition), next, managers, write);
  return encodeManagers(capped(tracked));
}

function managersBefore(live: KubeObject | undefined, next: KubeObject, { subresource }: Write): Managers {
  const [stored, sent] = [live?.metadata.managedFields ?? [], next.metadata.managedFields];
  if (subresource !== "" || sent === undefined) return decoded(stored);
  const reset = sent.length === 0 || (sent.length === 1 && Object.keys(sent[0]!).length === 0);
  if (reset) return new Map();
  const managers = decoded(sent);
  return managers.size > 0 ? managers : decoded(stored);
}

/** What can not be read is forgotten. */
function decoded(entries: readonly ManagedFieldsEntry[]): Managers {
  try {
    return decodeManagers(entries);
  } catch (error) {
    if (isMinkeError(error)) return new Map();
    throw error;
  }
}

/** The managers after `write` has turned `live` into `next`. */
export function updated(live: unknown, next: KubeObject, before: Managers, write: Write): Map<string, Manager> {
  const { manager, subresource, definition, scope, now } = write;
  const changes = changesOf(withoutManagers(live), withoutManagers(next), { ref: definition }, scope);
  const writer = {
    name: manager || "unknown",
    operation: "Update",
    apiVersion: next.apiVersion,
    subresource,
  } as const;
  const id = managerId(writer);
  // The writer's own entry counts as another's: what it changes now it gets back below, what is gone it loses.
  const managers = afterChange(served(before, next.apiVersion), "", changes);
  const fields = ownable(changes.modified.union(changes.added), scope);
  if (fields.empty) return managers;
  const earlier = managers.get(id)?.fields ?? new FieldSet();
  return managers.set(id, { ...writer, time: now, fields: earlier.union(fields) });
}

/** Managers of a version that is not served any more have nothing to say. */
export function served(managers: Managers, apiVersion: string): Managers {
  return new Map([...managers].filter(([, manager]) => manager.apiVersion === apiVersion));
}

/** The object without its managed fields, which are not fields of anybody. */
export function withoutManagers(object: unknown): unknown {
  const { metadata, ...rest } = object as KubeObject;
  const { managedFields: _, ...meta } = metadata;
  return { ...rest, metadata: meta };
}

function capped(managers: Map<string, Manager>): Managers {
  const updaters = [...managers.values()].filter(({ operation }) => operation === "Update");
  const surplus = updaters.length - UPDATERS_MAX;
  if (surplus <= 0) return managers;
  const oldest = updaters.toSorted((a, b) => ((a.time ?? "") < (b.time ?? "") ? -1 : 1)).slice(0, surplus + 1);
  const fields = oldest.reduce((set, manager) => set.union(manager.fields), new FieldSet());
  const { time, apiVersion } = oldest.at(-1)!;
  const bucket = {
    name: OLD_UPDATERS,
    operation: "Update",
    apiVersion,
    subresource: "",
    ...(time ? { time } : {}),
  } as const;
  for (const manager of oldest) managers.delete(managerId(manager));
  return managers.set(managerId(bucket), { ...bucket, fields });
}

/** What Go's zero value of the kind looks like: its parts are there, so that they are nobody's. */
export function emptyObject(definition: string): KubeObject {
  const parts = Object.entries(SCHEMA[definition]!.fields ?? {}).flatMap(([name, field]) =>
    ["metadata", "spec", "status"].includes(name) ? [[name, emptyPart(field)]] : [],
  );
  return Object.fromEntries(parts) as unknown as KubeObject;
}

function emptyPart({ ref }: SchemaField): Readonly<Record<string, null>> {
  const required = (ref === undefined ? undefined : SCHEMA[ref]!.required) ?? [];
  return Object.fromEntries(required.map((name) => [name, null]));
}
