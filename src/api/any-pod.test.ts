/** No Pod that decodes, however odd, makes any of what looks at Pods fail. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeObject } from "./decode.ts";
import { withDefaults } from "./defaults.ts";
import { SCHEMA } from "./gen/schema.ts";
import type { Pod } from "./gen/types.ts";
import { effectiveRequests } from "./pod-resources.ts";
import { qosClassOf } from "./qos.ts";
import type { SchemaField } from "./schema.ts";
import { parseSelector, selects } from "./selector.ts";
import { unsupportedFields } from "./support.ts";
import { tableOf } from "./table.ts";
import { validate, validateUpdate } from "./validate.ts";

/** How deep the fields of one object go; what is deeper is left out. */
const DEPTH = 7;
const TEXTS = [
  "",
  "a",
  "x-1",
  "A b",
  "Always",
  "None",
  "..",
  "/a/../b",
  "localhost:5/x@y",
  "100",
  "metadata.labels['a']",
];

const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ maxLength: 5 }));
const byRef: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  "api.resource.Quantity": fc.constantFrom("1", "100m", "1Gi", "-1", 0, 0.5),
  "util.intstr.IntOrString": fc.oneof(text, fc.integer({ min: -1, max: 70_000 })),
  "meta.v1.Time": fc.constantFrom("2026-11-23T12:00:00Z", "0001-01-01T00:00:00Z"),
  "meta.v1.MicroTime": fc.constant("2026-11-23T12:00:00.000000Z"),
  "meta.v1.FieldsV1": fc.constant({}),
};

/** Any value that the schema allows for the field. */
function anyOf(field: SchemaField, depth: number): fc.Arbitrary<unknown> {
  if (field.ref !== undefined && byRef[field.ref]) return byRef[field.ref]!;
  if (field.ref !== undefined) return anyObject(field.ref, depth);
  switch (field.type) {
    case "array":
      return fc.array(anyOf(field.items!, depth - 1), { maxLength: 2 });
    case "map":
      return fc.dictionary(text, field.values ? anyOf(field.values, depth - 1) : fc.constant(""), { maxKeys: 2 });
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: -2, max: 70_000 });
    default:
      return field.format === "byte" ? fc.constant("eA==") : text;
  }
}

const cache = new Map<string, fc.Arbitrary<unknown>>();

function anyObject(name: string, depth: number): fc.Arbitrary<unknown> {
  const key = `${name}/${depth}`;
  const known = cache.get(key);
  if (known) return known;
  const fields = depth === 0 ? [] : Object.entries(SCHEMA[name]!.fields ?? {});
  const present = { requiredKeys: [] as string[] };
  const made = fc.record(Object.fromEntries(fields.map(([field, below]) => [field, anyOf(below, depth - 1)])), present);
  cache.set(key, made);
  return made;
}

test("any Pod", () => {
  const spec = anyObject("core.v1.PodSpec", DEPTH);
  const rest = fc.record({ metadata: anyObject("meta.v1.ObjectMeta", 2), status: anyObject("core.v1.PodStatus", 5) });
  fc.assert(
    fc.property(spec, spec, rest, (first, second, { metadata, status }) => {
      const read = (value: unknown): Pod =>
        withDefaults(decodeObject({ apiVersion: "v1", kind: "Pod", metadata, spec: value, status }).object as Pod);
      const [pod, other] = [read(first), read(second)];
      for (const { field, body } of [...validate(pod), ...validateUpdate(other, pod)]) {
        expect([typeof field, body === ""]).toEqual(["string", false]);
      }
      unsupportedFields(pod);
      qosClassOf(pod.spec!);
      effectiveRequests(pod);
      selects(parseSelector("Pod", "a", "status.phase=Running"), pod);
      const { columnDefinitions, rows } = tableOf("Pod", [pod], { now: 0 });
      expect(rows[0]!.cells).toHaveLength(columnDefinitions!.length);
      expect(withDefaults(pod)).toEqual(pod);
    }),
    { numRuns: 100 },
  );
});
