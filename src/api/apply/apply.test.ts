/** Server-side apply, held against Kubernetes' own code and told in examples. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { withDefaults } from "../defaults.ts";
import { decodeObject } from "../decode.ts";
import { equalJson } from "../equal.ts";
import type { KubeObject } from "../object.ts";
import type { SchemaField } from "../schema.ts";
import { applyConfig } from "./apply.ts";
import { FieldSet } from "./field-set.ts";
import { decodeManagers } from "./managers.ts";
import { fieldUnder, isEmpty, shapeOf } from "./shape.ts";
import { trackUpdate } from "./track-update.ts";

interface Step {
  readonly Op: "apply" | "update";
  readonly Manager: string;
  readonly Force: boolean;
  readonly Object: KubeObject;
}

interface Case {
  readonly steps: readonly Step[];
  readonly errors: readonly string[];
  readonly live: KubeObject;
  readonly managedFields: readonly { readonly manager: string; readonly operation: string }[];
}

const POD = "core.v1.Pod";
const NOW = "2026-01-01T00:00:00Z";
const write = (manager: string, now = NOW) =>
  ({ manager, subresource: "", definition: POD, scope: (field: string) => field !== "status", now }) as const;

describe("against Kubernetes' own code (test/fixtures/oracle/README.md)", () => {
  const oracle = readFileSync(new URL("../../../test/fixtures/oracle/apply.jsonl", import.meta.url), "utf8");
  test.each(oracle.trim().split("\n"))("case %#", (line) => {
    const { steps, errors, live: expected, managedFields } = JSON.parse(line) as Case;
    let live: KubeObject | undefined;
    const said = steps.map((step) => {
      try {
        live = done(live, step);
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(said.map(inOrder)).toEqual(errors.map(inOrder));
    const { managedFields: entries = [], ...metadata } = live!.metadata;
    expect({ ...live, metadata }).toEqual(expected);
    const timeless = entries.map(({ time: _time, ...entry }) => entry);
    expect(timeless.toSorted(byManager)).toEqual(managedFields.toSorted(byManager));
  });
});

function done(live: KubeObject | undefined, { Op, Manager, Force, Object: object }: Step): KubeObject {
  if (Op === "update") {
    const next = asGo(object);
    return withEntries(next, trackUpdate(live, next, write(Manager)));
  }
  const { object: merged, managedFields } = applyConfig(live, object, { ...write(Manager), force: Force });
  return withEntries(asGo(merged as KubeObject), managedFields);
}

function withEntries(
  object: KubeObject,
  managedFields: NonNullable<KubeObject["metadata"]["managedFields"]>,
): KubeObject {
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

const byManager = (a: { manager?: string; operation?: string }, b: { manager?: string; operation?: string }): number =>
  `${a.operation}${a.manager}` < `${b.operation}${b.manager}` ? -1 : 1;

/** Go names conflicts in the order of its maps. */
const inOrder = (message: string): string => message.split("\n").sort().join("\n");

/** As Go writes a Pod: without what is empty, and always with some parts. */
function asGo(object: KubeObject): KubeObject {
  const pod = trimmed(object, { ref: POD }) as Record<string, Record<string, unknown>>;
  return {
    ...pod,
    apiVersion: "v1",
    kind: "Pod",
    metadata: pod["metadata"] ?? {},
    spec: { containers: null, ...pod["spec"] },
    status: {},
  };
}

function trimmed(value: unknown, field: SchemaField): unknown {
  const shape = shapeOf(field);
  if (Array.isArray(value)) return value.map((item) => trimmed(item, shape.kind === "list" ? shape.items : {}));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, item]) => {
    const below = shapeOf(fieldUnder(shape, key) ?? {});
    return item !== null && !((below.kind === "map" || below.kind === "list") && isEmpty(item)) && item !== "";
  });
  const kept = Object.fromEntries(entries.map(([key, item]) => [key, trimmed(item, fieldUnder(shape, key) ?? {})]));
  return field.ref === "core.v1.Container" ? { resources: {}, ...kept } : kept;
}

const pod = (spec: object, metadata: object = {}): KubeObject =>
  ({ apiVersion: "v1", kind: "Pod", metadata: { name: "x", ...metadata }, spec }) as unknown as KubeObject;
const container = (fields: object): object => ({ containers: [{ name: "c", ...fields }] });
const stored = (object: unknown, managedFields: NonNullable<KubeObject["metadata"]["managedFields"]>): KubeObject =>
  withEntries(decodeObject(object).object, managedFields);

function applied(live: KubeObject | undefined, config: KubeObject, manager = "a", now = NOW): KubeObject {
  const { object, managedFields } = applyConfig(live, config, { ...write(manager, now), force: false });
  return stored(object, managedFields);
}

describe("applyConfig", () => {
  test("what is not applied any more goes, what another applies too stays", () => {
    const first = applied(undefined, pod(container({ image: "i" }), { labels: { a: "1", b: "2" } }));
    const both = applied(first, pod({}, { labels: { b: "2" } }), "b");
    const { metadata } = applied(both, pod(container({ image: "i" })));
    expect(metadata.labels).toEqual({ b: "2" });
  });

  test("an apply that changes nothing leaves everything as it was, times too", () => {
    const config = pod(container({ image: "i" }));
    const first = applied(undefined, config);
    expect(equalJson(applied(first, config, "a", "2027-01-01T00:00:00Z"), first)).toBe(true);
  });

  test("every conflict is a cause, and force takes the fields over", () => {
    const live = applied(undefined, pod(container({ image: "i", tty: true })));
    const config = pod(container({ image: "j", tty: false }));
    expect(() => applied(live, config, "b")).toThrow(
      expect.objectContaining({
        code: "Conflict",
        message:
          'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.containers[name="c"].image\n- .spec.containers[name="c"].tty',
        details: {
          causes: ["image", "tty"].map((field) => ({
            reason: "FieldManagerConflict",
            message: 'conflict with "a"',
            field: `.spec.containers[name="c"].${field}`,
          })),
        },
      }),
    );
    const { managedFields } = applyConfig(live, config, { ...write("b"), force: true });
    const fields = [...decodeManagers(managedFields).values()].map(({ name, fields: set }) => [
      name,
      set.has(["f:spec", "f:containers", 'k:{"name":"c"}', "f:image"]),
    ]);
    expect(fields).toEqual([
      ["a", false],
      ["b", true],
    ]);
  });

  test("what kubectl applied on the client side is its own on the server side", () => {
    const last = JSON.stringify(pod(container({ image: "i" })));
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": last };
    const made = withDefaults(decodeObject(pod(container({ image: "i" }), { annotations })).object);
    const live = withEntries(made, trackUpdate(undefined, made, write("kubectl-client-side-apply")));
    expect(() => applied(live, pod(container({ image: "j" })), "other")).toThrow(
      /conflict with "kubectl-client-side-apply" using v1/,
    );
    const { spec, metadata } = applied(live, pod(container({ image: "j" })), "kubectl");
    expect(spec).toMatchObject(container({ image: "j" }));
    expect(metadata.annotations!["kubectl.kubernetes.io/last-applied-configuration"]).toContain('"image":"j"');
  });

  test("an object that nobody tracked belongs to its past", () => {
    const live = decodeObject(pod(container({ image: "i" }))).object;
    expect(() => applied(live, pod(container({ image: "j" })))).toThrow(/conflict with "before-first-apply" using v1/);
  });

  test.each([
    [{ colour: 1 }, ".spec.colour: field not declared in schema"],
    [{ hostname: 1 }, ".spec.hostname: expected string, got 1"],
    [{ containers: {} }, ".spec.containers: expected list, got {}"],
    [{ containers: [{ name: "a" }, { name: "a" }] }, '.spec.containers: duplicate entries for key [name="a"]'],
    [{ containers: [null] }, "element 0: associative list with keys may not have a null element"],
    [{ containers: ["x"] }, "element 0: associative list with keys may not have non-map elements"],
  ])("refuses %j", (spec, message) => {
    expect(() => applied(undefined, pod(spec))).toThrow(message);
  });
});

describe("trackUpdate", () => {
  const names = (object: KubeObject, live?: KubeObject): unknown =>
    trackUpdate(live, object, write("u")).map(({ manager, operation }) => `${operation} ${manager}`);

  test("managed fields that a client sends count, unless they make no sense", () => {
    const live = applied(undefined, pod(container({ image: "i" })));
    expect(names({ ...live, metadata: { ...live.metadata, managedFields: [] } }, live)).toEqual([]);
    expect(names({ ...live, metadata: { ...live.metadata, managedFields: [{ operation: "Eat" }] } }, live)).toEqual([
      "Apply a",
    ]);
    const { managedFields: _, ...metadata } = live.metadata;
    expect(names({ ...live, metadata: { ...metadata, labels: { x: "y" } } }, live)).toEqual(["Apply a", "Update u"]);
  });

  test("so many managers that update, and the oldest are one", () => {
    let live = applied(undefined, pod({}));
    for (let n = 0; n < 15; n++) {
      const next = { ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, [`l${n}`]: "" } } };
      live = withEntries(next, trackUpdate(live, next, write(`u${n}`, new Date(n * 1000).toISOString())));
    }
    const updaters = live.metadata.managedFields!.filter(({ operation }) => operation === "Update");
    expect(updaters.map(({ manager }) => manager)).toEqual([
      "ancient-changes",
      ...Array.from({ length: 9 }, (_, n) => `u${n + 6}`),
    ]);
    expect(JSON.stringify(updaters[0]!.fieldsV1)).toContain('"f:l5"');
  });
});

describe("FieldSet", () => {
  test("JSON in and out, in one spelling", () => {
    const json = {
      "f:a": { ".": {}, "f:b": {} },
      'k:{"b":1,"a":"x"}': { "f:c": {} },
      'v:"s"': {},
      "x:later": {},
      "i:0": {},
    };
    const set = FieldSet.fromJson(json);
    expect(set.toJson()).toEqual({
      "f:a": { ".": {}, "f:b": {} },
      'k:{"a":"x","b":1}': { "f:c": {} },
      'v:"s"': {},
      "i:0": {},
    });
    expect([...set.paths()]).toHaveLength(5);
    expect(FieldSet.fromJson({}).empty).toBe(true);
    for (const bad of [1, [], { "k:x": {} }, { "f:a": 1 }]) expect(() => FieldSet.fromJson(bad)).toThrow();
  });
});
