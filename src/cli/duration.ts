/** Durations as kubectl takes them. */
import { parseGoDuration } from "../base/duration.ts";
import { UsageError } from "./exit.ts";

/** Milliseconds of a Go duration: `1h30m`, `500ms`, `-1s`, `0`. Throws a usage error for anything else. */
export function parseDuration(text: string): number {
  const ms = parseGoDuration(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`"${text}" is not a duration; write a number with a unit, such as 5s, 2m or 1h30m`);
}
