/** Pieces that all descriptions share. Kubernetes: kubectl/pkg/describe/describe.go. */
import { LAST_APPLIED } from "../../api/three-way.ts";

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
export function pairs(out: Description, title: string, values: Readonly<Record<string, string>> | undefined): void {
  const entries = Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return void out.line(0, `${title}:`, "<none>");
  entries.forEach(([key, value], i) => out.line(0, i === 0 ? `${title}:` : "", `${key}=${value}`));
}

/** A value that is longer is cut, and stands on lines of its own. kubectl: maxAnnotationLen. */
const ANNOTATION_MAX_CHARS = 140;

/** As {@link pairs}, with `key: value`; long values and those of several lines are indented below their key. */
export function annotations(out: Description, values: Readonly<Record<string, string>> | undefined): void {
  const entries = Object.entries(values ?? {})
    .filter(([key]) => key !== LAST_APPLIED)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return void out.line(0, "Annotations:", "<none>");
  for (const [i, [key, text]] of entries.entries()) {
    const value = text.replace(/\n$/, "");
    const fits = Buffer.byteLength(value) + key.length + 2 <= ANNOTATION_MAX_CHARS && !value.includes("\n");
    out.line(0, i === 0 ? "Annotations:" : "", `${key}:${fits ? ` ${value}` : ""}`);
    if (fits) continue;
    for (const line of value.split("\n")) out.line(0, "", `  ${shortened(line, ANNOTATION_MAX_CHARS - 2)}`);
  }
}

function shortened(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}...` : text;
}

/** `Mon, 23 Nov 2026 12:00:00 +0000` (RFC 1123 with a numeric zone, in UTC). */
export function timeText(time: unknown): string {
  if (typeof time !== "string" || time === "") return "<unset>";
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? time : new Date(ms).toUTCString().replace("GMT", "+0000");
}
