import { assign } from "./assign.ts";

/**
 * A deeply frozen copy of plain JSON data, without undefined fields. What is frozen already is taken as it is, so that a
 * new version of an object shares what did not change with the one before.
 */
export function frozenJson<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => frozenJson(item))) as T;
  const copy: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined) continue;
    assign(copy, key, frozenJson(field));
  }
  return Object.freeze(copy) as T;
}
