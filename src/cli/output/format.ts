/** `-o`: from the flag to a printer of objects. */
import type { KubeObject } from "../../api/object.ts";
import { UsageError } from "../exit.ts";
import { compileTemplate } from "../jsonpath.ts";
import { jsonText, nameText, withoutManagedFields, yamlText } from "./document.ts";

/** The text of `value` (one object, or a List), which holds `objects`. */
export type ObjectFormat = (value: unknown, objects: readonly KubeObject[]) => string | Promise<string>;

/** The printer of a format; undefined for tables (no format, or `wide`). Throws a usage error for an unknown one. */
export function formatOf(output: string | undefined): ObjectFormat | undefined {
  if (output === undefined || output === "" || output === "wide") return undefined;
  if (output === "json") return (value) => jsonText(clean(value));
  if (output === "yaml") return (value) => yamlText(clean(value));
  if (output === "name") return (_value, objects) => objects.map((object) => `${nameText(object)}\n`).join("");
  const template = /^jsonpath=(.*)$/s.exec(output)?.[1];
  if (template !== undefined) return compileTemplate(template);
  throw new UsageError(
    `unable to match a printer for the output format "${output}"; there are wide, json, yaml, name and jsonpath=TEMPLATE`,
  );
}

function clean(value: unknown): unknown {
  const list = value as { items?: unknown };
  if (Array.isArray(list.items))
    return { ...list, items: list.items.map((item) => withoutManagedFields(item as KubeObject)) };
  return withoutManagedFields(value as KubeObject);
}
