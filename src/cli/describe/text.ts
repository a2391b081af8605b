/** Pieces that all descriptions share. Kubernetes: kubectl/pkg/describe/describe.go. */

/** Lines with tabs between cells; nested parts are indented by two spaces. */
export class Description {
  readonly #lines: string[] = [];

  /** `level` is the depth of indentation; cells are joined by tabs. */
  line(level: number, ...cells: readonly string[]): this {
    this.#lines.push("  ".repeat(level) + cells.join("\t"));
    return this;
  }

  text(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

/** `Name:  a=b`, each further pair on a line of its own; `<none>` for none. */
export function pairs(
  out: Description,
  title: string,
  values: Readonly<Record<string, string>> | undefined,
  options: { readonly separator?: string; readonly skip?: readonly string[] } = {},
): void {
  const entries = Object.entries(values ?? {})
    .filter(([key]) => !(options.skip ?? []).includes(key))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return void out.line(0, `${title}:`, "<none>");
  entries.forEach(([key, value], i) =>
    out.line(0, i === 0 ? `${title}:` : "", `${key}${options.separator ?? "="}${value}`),
  );
}

/** `Mon, 23 Nov 2026 12:00:00 +0000` (RFC 1123 with a numeric zone, in UTC). */
export function timeText(time: unknown): string {
  if (typeof time !== "string" || time === "") return "<unset>";
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? time : new Date(ms).toUTCString().replace("GMT", "+0000");
}
