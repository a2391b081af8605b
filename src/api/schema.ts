/** The shape of the generated schema table (`gen/schema.ts`): the facts that decode, defaults, patch and OpenAPI walk. */

export interface SchemaField {
  readonly type?: "string" | "boolean" | "integer" | "number" | "array" | "map" | "object";
  readonly format?: string;
  /** Name of another definition. */
  readonly ref?: string;
  readonly default?: unknown;
  readonly items?: SchemaField;
  readonly values?: SchemaField;
  /** `x-kubernetes-list-type` */
  readonly list?: "atomic" | "set" | "map";
  /** `x-kubernetes-list-map-keys` */
  readonly keys?: readonly string[];
  /** `x-kubernetes-map-type` */
  readonly map?: "atomic" | "granular";
  /** `x-kubernetes-patch-strategy` */
  readonly patch?: string;
  /** `x-kubernetes-patch-merge-key` */
  readonly mergeKey?: string;
  readonly oneOf?: readonly SchemaField[];
}

export interface SchemaDefinition extends SchemaField {
  readonly fields?: Readonly<Record<string, SchemaField>>;
  readonly required?: readonly string[];
  readonly gvk?: { readonly group: string; readonly kind: string; readonly version: string };
  readonly unions?: readonly unknown[];
}

export type Schema = Readonly<Record<string, SchemaDefinition>>;
