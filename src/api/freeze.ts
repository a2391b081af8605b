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
    // A plain assignment to `__proto__`, a legal key of a label map, would set the prototype.
    if (key === "__proto__") Object.defineProperty(copy, key, { value: frozenJson(field), enumerable: true });
    else copy[key] = frozenJson(field);
  }
  return Object.freeze(copy) as T;
}
