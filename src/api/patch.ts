/** JSON merge patch (RFC 7386): null removes, an object merges, anything else replaces. */
import { assign } from "./assign.ts";
import { isRecord, own } from "./record.ts";

/** The patched copy; neither argument is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = {};
  const base = isRecord(target) ? target : {};
  for (const [key, value] of Object.entries(base)) {
    if (own(patch, key) !== null) assign(result, key, value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null) assign(result, key, mergePatch(own(base, key), value));
  }
  return result;
}
