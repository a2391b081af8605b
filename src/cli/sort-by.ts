/** `--sort-by`: numbers by value, all else as text; what has no such field comes first. */

/** `items` in order of the first value that `path` finds in each; equal ones keep their order. */
export function sortedBy<T>(items: readonly T[], path: (item: T) => readonly unknown[]): T[] {
  return items
    .map((item) => ({ item, key: path(item)[0] }))
    .sort((a, b) => order(a.key, b.key))
    .map(({ item }) => item);
}

function order(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [textOf(a), textOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
