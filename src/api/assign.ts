/** Sets an own field. A plain assignment to `__proto__`, a legal key of a label map, would set the prototype instead. */
export function assign(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else target[key] = value;
}
