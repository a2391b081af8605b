/** A Pod's start as a table: the steps in order, indented under the step that encloses them. */
import type { Span } from "../../base/trace.ts";
import { Columns } from "./columns.ts";

/** Clock differences below this do not decide whether a step lies within another (milliseconds). */
const SLACK_MS = 0.05;

/** Rows of START, TIME (milliseconds) and STEP. */
export function traceTable(spans: readonly Span[]): string {
  const ordered = spans.toSorted((a, b) => a.startMs - b.startMs || b.durationMs - a.durationMs);
  const zero = ordered[0]?.startMs ?? 0;
  const open: Span[] = [];
  const rows = ordered.map((span) => {
    while (open.length > 0 && !encloses(open.at(-1)!, span)) open.pop();
    const indent = "  ".repeat(open.length);
    open.push(span);
    const name = span.container === undefined ? span.name : `${span.name} (${span.container})`;
    return [(span.startMs - zero).toFixed(1), span.durationMs.toFixed(1), indent + name];
  });
  return new Columns().lines([["START ms", "TIME ms", "STEP"], ...rows]);
}

function encloses(outer: Span, inner: Span): boolean {
  if (outer.container !== undefined && outer.container !== inner.container) return false;
  return inner.startMs + inner.durationMs <= outer.startMs + outer.durationMs + SLACK_MS;
}
