/** `-o json`, `-o yaml`, `-o name`: whole objects, as kubectl prints them (sorted keys, no managed fields). */
import type { KubeObject } from "../../api/object.ts";
import { UsageError } from "../exit.ts";

/** JSON with kubectl's indent of four. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(sorted(value), undefined, 4)}\n`;
}

/** YAML as kubectl prints it. */
export async function yamlText(value: unknown): Promise<string> {
  const { formatYaml } = await import("../../api/yaml.ts");
  return formatYaml(value);
}

/** `pod/web` */
export function nameText(object: KubeObject): string {
  return `${object.kind.toLowerCase()}/${object.metadata.name ?? ""}`;
}

/** Several objects as one. */
export function listOf(items: readonly KubeObject[]): unknown {
  return { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" }, items };
}

/** Without what only the server's bookkeeping needs. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata as typeof object.metadata & { managedFields?: unknown };
  return { ...object, metadata };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** The writer of `-o json` or `-o yaml`; undefined for a table. Throws a usage error for anything else. */
export function documentFormat(output: string | undefined): ((value: unknown) => string | Promise<string>) | undefined {
  if (output === undefined) return undefined;
  if (output === "json") return jsonText;
  if (output === "yaml") return yamlText;
  throw new UsageError(`-o ${output} is not one of json, yaml`);
}
