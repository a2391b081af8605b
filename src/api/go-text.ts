/** How Go prints a value (`fmt`'s `%v`), for messages that quote one: `map[image:x name:a]`, `[1 2]`, `<nil>`. */
import { isRecord } from "./record.ts";

export function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isRecord(value)) return String(value as string | number | boolean);
  const fields = Object.keys(value).sort();
  return `map[${fields.map((key) => `${key}:${goText(value[key])}`).join(" ")}]`;
}
