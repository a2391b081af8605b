/**
 * Who manages which fields after a write. Every writer owns what it changes; who applies owns what it applies, and may not
 * change what others own unless it forces them. Kubernetes: structured-merge-diff merge/update.go.
 */
import type { SchemaField } from "../schema.ts";
import { type Comparison, compareFields } from "./compare.ts";
import { FieldSet, type Path } from "./field-set.ts";
import type { Manager, Managers } from "./managers.ts";

export interface Conflict {
  readonly manager: Manager;
  readonly path: Path;
}

/** What of a write counts: the fields at the top that the writer may change at all. */
export type Scope = (topField: string) => boolean;

/** Fields that nobody owns: names, and what only the server writes. */
const UNOWNED = FieldSet.of(
  ["f:apiVersion"],
  ["f:kind"],
  ["f:metadata"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((field) => ["f:metadata", `f:${field}`]),
);

/** What a manager may own of a set. */
export function ownable(set: FieldSet, scope: Scope): FieldSet {
  return set.only((element) => scope(element.slice(2))).difference(UNOWNED);
}

/** The changes that a write makes. */
export function changesOf(before: unknown, after: unknown, field: SchemaField, scope: Scope): Comparison {
  const keep = (set: FieldSet): FieldSet => set.only((element) => scope(element.slice(2)));
  const { added, modified, removed } = compareFields(before, after, field);
  return { added: keep(added), modified: keep(modified), removed: keep(removed) };
}

/** What others own of that which changes, a path each. */
export function conflictsWith(managers: Managers, writer: string, { added, modified }: Comparison): Conflict[] {
  const changed = modified.union(added);
  return [...managers]
    .filter(([id]) => id !== writer)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, manager]) => [...manager.fields.intersection(changed).paths()].map((path) => ({ manager, path })));
}

/** The managers after a change by one of them: the others lose what was changed and what is gone. */
export function afterChange(
  managers: Managers,
  writer: string,
  { added, modified, removed }: Comparison,
): Map<string, Manager> {
  const lost = modified.union(added).union(removed);
  const left = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    const fields = id === writer ? manager.fields : manager.fields.difference(lost);
    if (!fields.empty) left.set(id, { ...manager, fields });
  }
  return left;
}
