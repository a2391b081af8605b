/** `metadata.managedFields` in and out: who manages which fields. Kubernetes: apimachinery util/managedfields. */
import { MinkeError } from "../../base/errors.ts";
import { equalJson } from "../equal.ts";
import type { ManagedFieldsEntry } from "../gen/types.ts";
import { FieldSet } from "./field-set.ts";

export type Operation = "Apply" | "Update";

/** One manager: whoever writes under one name in one way. */
export interface Manager {
  readonly name: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339, when it last changed something. */
  readonly time?: string;
  readonly fields: FieldSet;
}

export type Managers = ReadonlyMap<string, Manager>;

const FIELDS_TYPE = "FieldsV1";

/** What makes two managers the same. Who applies is one manager whatever version it speaks. */
export function managerId({ name, operation, apiVersion, subresource }: Omit<Manager, "fields">): string {
  return JSON.stringify([name, operation, subresource, operation === "Apply" ? "" : apiVersion]);
}

/** Throws `InvalidArgument` for entries that are none. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[]): Managers {
  const managers = new Map<string, Manager>();
  for (const [index, { manager = "", operation, apiVersion, subresource = "", time, ...rest }] of entries.entries()) {
    if (operation !== "Apply" && operation !== "Update") throw invalid("operation must be `Apply` or `Update`");
    if (!apiVersion) throw invalid("apiVersion must not be empty");
    if (!rest.fieldsType) throw invalid(`missing fieldsType in managed fields entry ${index}`);
    if (rest.fieldsType !== FIELDS_TYPE) {
      throw invalid(`invalid fieldsType ${JSON.stringify(rest.fieldsType)} in managed fields entry ${index}`);
    }
    const fields = FieldSet.fromJson(rest.fieldsV1 ?? {});
    const decoded = { name: manager, operation, apiVersion, subresource, ...(time ? { time } : {}), fields } as const;
    managers.set(managerId(decoded), decoded);
  }
  return managers;
}

function invalid(why: string): MinkeError {
  return new MinkeError("InvalidArgument", `failed to decode managed fields: ${why}`);
}

/** Who applies comes first, then by time. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] {
  const seconds = ({ time }: Manager): number => (time ? Math.floor(Date.parse(time) / 1000) : 0);
  const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = [...managers.values()].toSorted(
    (a, b) =>
      inOrder(a.operation, b.operation) ||
      seconds(a) - seconds(b) ||
      inOrder(a.name, b.name) ||
      inOrder(a.apiVersion, b.apiVersion) ||
      inOrder(a.subresource, b.subresource),
  );
  return sorted.map(({ name, operation, apiVersion, subresource, time, fields }) => ({
    manager: name,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: FIELDS_TYPE,
    fieldsV1: fields.toJson(),
    ...(subresource === "" ? {} : { subresource }),
  }));
}

/** Whether the same managers manage the same fields, whenever they did so. */
export function sameManagers(a: readonly ManagedFieldsEntry[] = [], b: readonly ManagedFieldsEntry[] = []): boolean {
  const timeless = (entries: readonly ManagedFieldsEntry[]): unknown =>
    Object.fromEntries(
      entries.map(({ time: _time, ...rest }) => [
        JSON.stringify([rest.manager, rest.operation, rest.apiVersion, rest.subresource]),
        rest,
      ]),
    );
  return a.length === b.length && equalJson(timeless(a), timeless(b));
}
