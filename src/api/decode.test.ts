import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMinkeError } from "../base/errors.ts";
import { decodeObject } from "./decode.ts";
import type { Pod } from "./gen/types.ts";

const pod = (spec: object, metadata: object = { name: "x" }) => ({ apiVersion: "v1", kind: "Pod", metadata, spec });
const specOf = (spec: object): unknown => (decodeObject(pod(spec)).object as Pod).spec;

describe("decodeObject", () => {
  test("keeps what the schema knows, in its own copy", () => {
    const input = pod({
      containers: [{ name: "c", image: "i", ports: [{ containerPort: 80 }], resources: { limits: { cpu: 0.5 } } }],
      nodeSelector: { a: "b" },
      restartPolicy: null,
    });
    const { object, unknown, resource } = decodeObject(input);
    expect([unknown, resource.plural]).toEqual([[], "pods"]);
    expect(object["spec"]).toEqual({
      containers: [{ name: "c", image: "i", ports: [{ containerPort: 80 }], resources: { limits: { cpu: "500m" } } }],
      nodeSelector: { a: "b" },
    });
    input.spec = {};
    expect(object["spec"]).not.toEqual({});
  });

  test("reports unknown fields by path, drops them, and refuses them when strict", () => {
    const input = { ...pod({ containers: [{ name: "c", imag: "i" }], x: 1 }), extra: {} };
    const { object, unknown } = decodeObject(input);
    expect(unknown).toEqual(["spec.containers[0].imag", "spec.x", "extra"]);
    expect(object).toEqual(pod({ containers: [{ name: "c" }] }));
    expect(() => decodeObject(input, { strict: true })).toThrow(
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imag", unknown field "spec.x", unknown field "extra"',
    );
  });

  test("an element that is null stands for the zero value", () => {
    const { object } = decodeObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "x" },
      data: { a: null },
    });
    expect(object["data"]).toEqual({ a: "" });
    expect(specOf({ containers: [null, { name: "c", args: [null] }] })).toEqual({
      containers: [{ name: "" }, { name: "c", args: [""] }],
    });
  });

  test("an empty list or map is left out, unless it is required; an empty object stays", () => {
    const spec = { containers: [{ name: "c", args: [], resources: { limits: {} } }], volumes: [], nodeSelector: {} };
    expect(decodeObject(pod(spec, { name: "x", labels: {}, annotations: {} })).object).toEqual(
      pod({ containers: [{ name: "c", resources: {} }] }),
    );
    expect(specOf({ containers: [] })).toEqual({ containers: [] });
    expect(specOf({ containers: [], volumes: [{ name: "v", emptyDir: {} }] })).toMatchObject({
      volumes: [{ name: "v", emptyDir: {} }],
    });
  });

  test("keys that JavaScript treats specially are keys like others", () => {
    const labels = JSON.parse('{"__proto__":"a","constructor":"b"}') as unknown;
    const { object } = decodeObject(pod({}, { name: "x", labels }));
    expect(JSON.stringify(object.metadata.labels)).toBe('{"__proto__":"a","constructor":"b"}');
    expect(decodeObject(JSON.parse('{"apiVersion":"v1","kind":"Pod","__proto__":{"x":1}}')).unknown).toEqual([
      "__proto__",
    ]);
  });

  test.each([
    [{ containers: [{ name: 1 }] }, "spec.containers[0].name: expected string, got number 1; put it in quotes"],
    [
      { containers: [{ env: [{ name: "A", value: true }] }] },
      "spec.containers[0].env[0].value: expected string, got boolean true",
    ],
    [{ containers: {} }, "spec.containers: expected array, got object"],
    [
      { containers: [{ ports: [{ containerPort: "80" }] }] },
      'spec.containers[0].ports[0].containerPort: expected integer, got string "80"',
    ],
    [{ priority: 3e9 }, "spec.priority: expected int32, got number"],
    [{ activeDeadlineSeconds: 1.5 }, "spec.activeDeadlineSeconds: expected integer, got number 1.5"],
    [{ hostNetwork: "yes" }, 'spec.hostNetwork: expected boolean, got string "yes"'],
    [{ nodeSelector: [] }, "spec.nodeSelector: expected object, got array"],
    [{ nodeSelector: { a: 1 } }, "spec.nodeSelector[a]: expected string"],
    [
      { containers: [{ resources: { limits: { cpu: "1 core" } } }] },
      'spec.containers[0].resources.limits[cpu]: "1 core": unable to parse',
    ],
    [
      { containers: [{ livenessProbe: { tcpSocket: { port: 1.5 } } }] },
      "port: expected integer or string, got number 1.5",
    ],
  ])("refuses %j", (spec, message) => expect(() => decodeObject(pod(spec))).toThrow(message));

  test.each([
    [null, "expected an object with apiVersion and kind, got null"],
    [[], "got array"],
    [{ apiVersion: "v1" }, "Object 'Kind' is missing"],
    [{ kind: "Pod" }, "Object 'apiVersion' is missing"],
    [{ apiVersion: "apps/v1", kind: "Deployment" }, 'no matches for kind "Deployment" in version "apps/v1"'],
    [pod({}, { name: "x", creationTimestamp: "yesterday" }), "metadata.creationTimestamp: expected RFC 3339 time"],
    [{ apiVersion: "v1", kind: "Secret", data: { a: "no base64!" } }, "data[a]: illegal base64 data"],
  ])("refuses %j", (value, message) => expect(() => decodeObject(value)).toThrow(message));

  test("never fails in another way, whatever it is given", () => {
    const spec = fc.oneof(fc.jsonValue(), fc.record({ containers: fc.array(fc.jsonValue()), volumes: fc.jsonValue() }));
    fc.assert(
      fc.property(spec, fc.jsonValue(), (value, metadata) => {
        try {
          const { object } = decodeObject({ apiVersion: "v1", kind: "Pod", metadata, spec: value });
          expect(decodeObject(object).object).toEqual(object);
        } catch (error) {
          if (!isMinkeError(error, "InvalidArgument")) throw error;
        }
      }),
    );
  });

  test("stops at what YAML aliases can blow up", () => {
    const many = Array.from({ length: 2_000 }, () => "x");
    const containers = Array.from({ length: 1_000 }, () => ({ args: many }));
    expect(() => decodeObject(pod({ containers }))).toThrow("more than 1000000 values");
    const loop: Record<string, unknown> = {};
    loop["a"] = loop;
    const managedFields = [{ fieldsV1: loop }];
    expect(() => decodeObject(pod({}, { name: "x", managedFields }))).toThrow("nested deeper than");
  });
});
