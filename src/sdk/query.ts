/** Builds URLs. */

export type QueryValue = string | number | boolean | undefined | readonly string[];

/** `path` with the defined values of `query` behind it; an array repeats its name. */
export function withQuery(path: string, query: Readonly<Record<string, QueryValue>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      parameters.append(name, one);
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Joins path segments, each escaped. */
export function pathOf(...segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}
