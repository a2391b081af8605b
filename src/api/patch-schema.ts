/** How the schema table says that a field is patched. */
import { SCHEMA } from "./gen/schema.ts";
import type { SchemaField } from "./schema.ts";

export interface PatchRule {
  /** Lists are merged and not replaced: by `mergeKey` when their items are objects, as sets when they are scalars. */
  readonly mergeList: boolean;
  readonly mergeKey: string | undefined;
  /** Objects are replaced, not merged. */
  readonly replace: boolean;
  /** A patch names all fields that stay: for unions such as a volume's source. */
  readonly retainKeys: boolean;
  /** The schema of the value, or of a list's items. */
  readonly below: SchemaField;
}

const UNKNOWN: SchemaField = {};

/** The rule for the field `key` of an object described by `schema`. */
export function patchRule(schema: SchemaField, key: string): PatchRule {
  const definition = schema.ref === undefined ? schema : SCHEMA[schema.ref]!;
  const fields = "fields" in definition ? (definition.fields as Readonly<Record<string, SchemaField>>) : {};
  const field = Object.hasOwn(fields, key) ? fields[key]! : (definition.values ?? UNKNOWN);
  const strategies = field.patch?.split(",") ?? [];
  return {
    mergeList: strategies.includes("merge"),
    mergeKey: field.mergeKey,
    replace: strategies.includes("replace"),
    retainKeys: strategies.includes("retainKeys"),
    below: field.items ?? field,
  };
}
