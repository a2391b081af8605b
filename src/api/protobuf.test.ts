import fc from "fast-check";
import { expect, test } from "vitest";

import { PROTOBUF } from "./gen/protobuf.ts";
import { SCHEMA } from "./gen/schema.ts";
import type { ProtobufFields } from "./protobuf-fields.ts";
import { parseProtobuf } from "./protobuf.ts";

/** A message from its fields: numbers as varints, texts and bytes with their length. */
function message(...fields: readonly (readonly [number, number | string | Buffer])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === "number") return Buffer.concat([varint((number << 3) | 0), varint(value)]);
      const bytes = Buffer.from(value as string);
      return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const envelope = (apiVersion: string, kind: string, raw: Buffer): Buffer =>
  Buffer.concat([Buffer.from("k8s\0"), message([1, message([1, apiVersion], [2, kind])], [2, raw], [3, ""], [4, ""])]);

/** Go sends these for what is not set. */
const UNSET_META = message([1, ""], [3, ""], [4, ""], [5, ""], [6, ""], [7, 0], [8, ""]);

test("a Secret as kubectl sends it: names, maps of bytes, and nothing of what is not set", () => {
  const metadata = Buffer.concat([
    message([1, "a"]),
    UNSET_META.subarray(2),
    message([11, message([1, "k"], [2, "v"])]),
  ]);
  const secret = message([1, metadata], [2, message([1, "key"], [2, Buffer.from([0, 255])])], [3, "Opaque"]);
  expect(parseProtobuf(envelope("v1", "Secret", secret))).toEqual({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "a", labels: { k: "v" } },
    data: { key: "AP8=" },
    type: "Opaque",
  });
});

test("a Pod: embedded messages, pointers to zero, quantities, numbers or texts, packed and negative numbers, times", () => {
  const probe = message([1, message([2, message([2, message([1, 1], [3, "http"])])])], [2, 0], [7, 0]);
  const limits = message([1, message([1, "cpu"], [2, message([1, "1"])])]);
  const container = message([1, "c"], [2, "i"], [8, limits], [10, probe], [16, 0]);
  const security = message([4, 1], [4, 2], [4, Buffer.from([3, 0x80, 1])], [5, -1]);
  const spec = message([2, container], [3, ""], [4, 0], [14, security]);
  const metadata = message([1, "p"], [8, message([1, 1_700_000_000], [2, 5])]);
  expect(parseProtobuf(envelope("v1", "Pod", message([1, metadata], [2, spec], [3, ""])))).toEqual({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", creationTimestamp: "2023-11-14T22:13:20Z" },
    spec: {
      containers: [
        {
          name: "c",
          image: "i",
          resources: { limits: { cpu: "1" } },
          livenessProbe: { httpGet: { port: "http" }, terminationGracePeriodSeconds: 0 },
        },
      ],
      terminationGracePeriodSeconds: 0,
      securityContext: { supplementalGroups: [1, 2, 3, 128], fsGroup: -1 },
    },
    status: {},
  });
});

test("a legal key is no way to the prototype", () => {
  const metadata = message([11, message([1, "__proto__"], [2, "x"])]);
  const parsed = parseProtobuf(envelope("v1", "ConfigMap", message([1, metadata])));
  expect(Object.keys((parsed["metadata"] as { labels: object }).labels)).toEqual(["__proto__"]);
  expect(({} as { x?: unknown }).x).toBeUndefined();
});

test("what is no message is a bad request: another prefix, an unknown kind, an end in the middle, any bytes at all", () => {
  expect(() => parseProtobuf(Buffer.from("{}"))).toThrow("does not appear to be a protobuf message");
  expect(() => parseProtobuf(envelope("v2", "Pod", Buffer.alloc(0)))).toThrow('no kind "Pod" is registered');
  expect(() => parseProtobuf(envelope("v1", "Pod", message([2, "\u0012\u007f"])))).toThrow("unexpected EOF");
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom("Pod", "Secret", "Event", "DeleteOptions"),
      (raw, kind) => {
        try {
          JSON.stringify(parseProtobuf(envelope("v1", kind, Buffer.from(raw))));
        } catch (error) {
          expect(error).toMatchObject({ name: "MinkeError", code: "InvalidArgument" });
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("the table knows every field of every kind (else run tools/generate-protobuf.ts)", () => {
  const names = (fields: ProtobufFields): string[] =>
    Object.values(fields).flatMap((name) => (typeof name === "string" ? [name.replace("?", "")] : names(name)));
  const inEnvelope = (definition: string, name: string, isKind: boolean): boolean =>
    (isKind || definition === "meta.v1.DeleteOptions") && ["apiVersion", "kind"].includes(name);
  for (const [definition, { fields, gvk }] of Object.entries(SCHEMA)) {
    if (!fields) continue;
    const wanted = Object.keys(fields).filter((name) => !inEnvelope(definition, name, gvk !== undefined));
    expect(names(PROTOBUF[definition] ?? {}), definition).toEqual(expect.arrayContaining(wanted));
  }
});
