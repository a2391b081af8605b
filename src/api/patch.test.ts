import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalJson } from "./equal.ts";
import { jsonPatchOf, unknownMembers } from "./json-patch.ts";
import { mergePatch } from "./patch.ts";
import type { JsonRecord } from "./record.ts";
import { strategicMerge } from "./strategic-merge.ts";
import { LAST_APPLIED, threeWayPatch, withLastApplied } from "./three-way.ts";

describe("mergePatch", () => {
  // The examples of RFC 7386, appendix A.
  test.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ constructor: "x" }, { constructor: null, toString: "y" }, { toString: "y" }],
  ])("%j + %j", (target, patch, expected) => expect(mergePatch(target, patch)).toEqual(expected));

  test("twice is as once, and a patch is what it says, for any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const once = mergePatch(target, patch);
        expect(equalJson(mergePatch(once, patch), once)).toBe(true);
      }),
    );
  });
});

describe("jsonPatchOf", () => {
  const target = { a: { b: [1, 2] }, "x/y": 1, "m~n": 2 };
  // RFC 6902, appendix A, in short.
  test.each([
    [[{ op: "add", path: "/a/c", value: 3 }], { ...target, a: { b: [1, 2], c: 3 } }],
    [[{ op: "add", path: "/a/b/1", value: 9 }], { ...target, a: { b: [1, 9, 2] } }],
    [[{ op: "add", path: "/a/b/-", value: 9 }], { ...target, a: { b: [1, 2, 9] } }],
    [[{ op: "remove", path: "/a/b/0" }], { ...target, a: { b: [2] } }],
    [[{ op: "replace", path: "/x~1y", value: 5 }], { ...target, "x/y": 5 }],
    [[{ op: "replace", path: "/m~0n", value: 5 }], { ...target, "m~n": 5 }],
    [[{ op: "move", from: "/a/b", path: "/c" }], { ...target, a: {}, c: [1, 2] }],
    [[{ op: "copy", from: "/a", path: "/c" }], { ...target, c: { b: [1, 2] } }],
    [[{ op: "test", path: "/a/b", value: [1, 2] }], target],
    [[{ op: "replace", path: "", value: { z: 1 } }], { z: 1 }],
    [[], target],
  ])("%j", (patch, expected) => expect(jsonPatchOf(Object.freeze(target), patch)).toEqual(expected));

  test.each([
    [{ op: "test", path: "/a/b/0", value: 2 }, "test"],
    [{ op: "remove", path: "/none" }, "remove"],
    [{ op: "replace", path: "/none", value: 1 }, "replace"],
    [{ op: "add", path: "/a/b/9", value: 1 }, "add"],
    [{ op: "add", path: "/none/x", value: 1 }, "add"],
    [{ op: "add", path: "a", value: 1 }, "add"],
    [{ op: "move", from: "/a", path: "/a/b" }, "move"],
    [{ op: "copy", from: "/none", path: "/x" }, "copy"],
    [{ op: "fold", path: "/a" }, "fold"],
    [{ op: "add", path: "/a" }, "add"],
    [{ op: "add", path: "/__proto__/x", value: 1 }, "add"],
    [{}, "undefined"],
  ])("%j does not fit", (operation, name) => {
    const error = { code: "InvalidArgument", reason: "Invalid", message: expect.stringContaining(name) };
    expect(() => jsonPatchOf(target, [operation])).toThrow(expect.objectContaining(error));
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test("a failed patch changes nothing, and a later operation does not run", () => {
    const patch = [
      { op: "remove", path: "/a" },
      { op: "test", path: "/x~1y", value: 0 },
      { op: "remove", path: "/m~0n" },
    ];
    expect(() => jsonPatchOf(target, patch)).toThrow('operation "test" at path "/x~1y"');
    expect(target.a).toEqual({ b: [1, 2] });
  });

  test("is bounded in operations and in what it copies", () => {
    const many = Array.from({ length: 10_001 }, () => ({ op: "test", path: "", value: {} }));
    expect(() => jsonPatchOf(target, many)).toThrow(
      "The allowed maximum operations in a JSON patch is 10000, got 10001",
    );
    const doubling = Array.from({ length: 60 }, (_, i) => ({ op: "copy", from: "", path: `/k${i}` }));
    expect(() => jsonPatchOf({ text: "x".repeat(1000) }, doubling)).toThrow(/accumulated size increase of copy is \d+/);
  });

  test("no list of operations", () => {
    for (const patch of [{}, null, "x", [1], [null]])
      expect(() => jsonPatchOf(target, patch)).toThrow(/error decoding patch/);
    expect(unknownMembers([{ op: "add", path: "/a", valeu: 1 }])).toEqual(["[0].valeu"]);
  });
});

const pod = {
  metadata: { name: "x", labels: { a: "1", b: "2" }, finalizers: ["a/x", "b/x"] },
  spec: {
    containers: [
      {
        name: "a",
        image: "i",
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
        args: ["1", "2"],
      },
      { name: "b", image: "j" },
      { name: "c", image: "k" },
    ],
    volumes: [
      { name: "v", emptyDir: {} },
      { name: "w", hostPath: { path: "/x" } },
    ],
    nodeSelector: { k: "v" },
    tolerations: [{ key: "a", operator: "Exists" }],
  },
};
type PodData = typeof pod;

describe("strategicMerge", () => {
  const merge = (patch: object): PodData => strategicMerge(pod, patch, "core.v1.Pod") as PodData;
  const containers = (patch: object): string[] =>
    merge({ spec: patch }).spec.containers.map(({ name, image }) => `${name}=${image}`);

  // Orders as kubectl patch --local makes them.
  test.each([
    [{ containers: [{ name: "b", image: "x" }] }, ["a=i", "b=x", "c=k"]],
    [{ containers: [{ name: "d", image: "x" }] }, ["d=x", "a=i", "b=j", "c=k"]],
    [{ containers: [{ name: "b", $patch: "delete" }] }, ["a=i", "c=k"]],
    [{ containers: [{ $patch: "replace" }, { name: "z", image: "x" }] }, ["z=x"]],
    [{ "$setElementOrder/containers": [{ name: "c" }, { name: "a" }] }, ["b=j", "c=k", "a=i"]],
    [
      {
        "$setElementOrder/containers": [{ name: "c" }, { name: "d" }, { name: "a" }],
        containers: [{ name: "d", image: "x" }],
      },
      ["b=j", "c=k", "d=x", "a=i"],
    ],
  ])("merges containers by name: %j", (patch, expected) => expect(containers(patch)).toEqual(expected));

  test.each([
    [{ metadata: { labels: { a: null, c: "3" } } }, { labels: { b: "2", c: "3" } }],
    [{ metadata: { finalizers: ["c/x"] } }, { finalizers: ["c/x", "a/x", "b/x"] }],
    [{ metadata: { "$deleteFromPrimitiveList/finalizers": ["a/x"] } }, { finalizers: ["b/x"] }],
    [
      {
        metadata: {
          "$setElementOrder/finalizers": ["d/x", "b/x"],
          "$deleteFromPrimitiveList/finalizers": ["a/x"],
          finalizers: ["d/x"],
        },
      },
      { finalizers: ["d/x", "b/x"] },
    ],
  ])("merges metadata: %j", (patch, expected) =>
    expect(merge(patch).metadata).toEqual({ ...pod.metadata, ...expected }),
  );

  test.each([
    [
      { volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/y" } }] },
      { volumes: [{ name: "v", hostPath: { path: "/y" } }, pod.spec.volumes[1]] },
    ],
    [{ nodeSelector: { $patch: "replace", z: "1" } }, { nodeSelector: { z: "1" } }],
    [{ nodeSelector: { $patch: "delete" } }, { nodeSelector: {} }],
    [{ tolerations: [{ key: "b" }] }, { tolerations: [{ key: "b" }] }],
    [{ securityContext: { runAsUser: 1, fsGroup: null } }, { securityContext: { runAsUser: 1 } }],
    [{ volumes: null }, { volumes: undefined }],
  ])("merges the spec: %j", (patch, expected) =>
    expect(merge({ spec: patch }).spec).toEqual({ ...pod.spec, ...expected }),
  );

  test("goes down into items", () => {
    const env = [
      { name: "B", $patch: "delete" },
      { name: "D", value: "4" },
    ];
    expect(merge({ spec: { containers: [{ name: "a", args: ["9"], env }] } }).spec.containers[0]).toEqual({
      name: "a",
      image: "i",
      args: ["9"],
      env: [
        { name: "D", value: "4" },
        { name: "A", value: "1" },
      ],
    });
  });

  test.each([
    [{ containers: [{ image: "x" }] }, "map: map[image:x] does not contain declared merge key: name"],
    [{ containers: [{ name: "a", $patch: "bogus" }] }, "unknown patch type: bogus in map: map[$patch:bogus name:a]"],
    [{ nodeSelector: { $patch: "bogus" } }, "unknown patch type: bogus in map: map[$patch:bogus]"],
    [{ "$setElementOrder/containers": 1 }, "invalid patch format of setElementOrder list"],
    [{ volumes: [{ name: "v", $retainKeys: ["name"], hostPath: {} }] }, "invalid patch format of retainKeys"],
  ])("refuses %j", (spec, message) => expect(() => merge({ spec })).toThrow(message));

  // Made by apimachinery's strategicpatch from generated Pods and patches; see test/fixtures/oracle/README.md.
  const oracle = readFileSync(new URL("../../test/fixtures/oracle/strategic-merge.jsonl", import.meta.url), "utf8");
  test.each(oracle.trim().split("\n"))("is what Kubernetes makes of it: case %#", (line) => {
    const { original, patch: change, result } = JSON.parse(line) as Record<string, JsonRecord>;
    if (result === undefined) expect(() => strategicMerge(original!, change, "core.v1.Pod")).toThrow();
    else expect(withoutNulls(strategicMerge(original!, change, "core.v1.Pod"))).toEqual(withoutNulls(result));
  });

  test("changes neither argument", () => {
    const before = structuredClone(pod);
    merge({ spec: { containers: [{ name: "a", env: [{ name: "A", $patch: "delete" }] }] } });
    expect(pod).toEqual(before);
  });
});

/** Nulls are dropped when the object is decoded. */
function withoutNulls(value: unknown): unknown {
  return mergePatch({}, value);
}

describe("threeWayPatch", () => {
  const spec = (fields: object): PodData => ({ ...pod, spec: { ...pod.spec, ...fields } });
  const [a, b, c] = pod.spec.containers;

  test.each([
    ["nothing", pod, pod, {}],
    ["what others added stays", pod, spec({ priority: 0 }), {}],
    [
      "a field that changed",
      spec({ containers: [{ ...a!, image: "x" }, b, c] }),
      pod,
      {
        "$setElementOrder/containers": [{ name: "a" }, { name: "b" }, { name: "c" }],
        containers: [{ name: "a", image: "x" }],
      },
    ],
    [
      "a container that went",
      spec({ containers: [a, c] }),
      pod,
      {
        "$setElementOrder/containers": [{ name: "a" }, { name: "c" }],
        containers: [{ name: "b", $patch: "delete" }],
      },
    ],
    ["a field that went", spec({ nodeSelector: undefined }), pod, { nodeSelector: null }],
    [
      "a union that changed",
      spec({ volumes: [{ name: "v", hostPath: { path: "/y" } }, pod.spec.volumes[1]] }),
      pod,
      {
        "$setElementOrder/volumes": [{ name: "v" }, { name: "w" }],
        volumes: [{ name: "v", $retainKeys: ["hostPath", "name"], hostPath: { path: "/y" }, emptyDir: null }],
      },
    ],
  ])("%s", (_name, manifest, current, expected) => {
    const modified = JSON.parse(JSON.stringify(manifest)) as PodData;
    const patch = threeWayPatch(pod, modified, current, "core.v1.Pod");
    expect(patch).toEqual(Object.keys(expected).length === 0 ? {} : { spec: expected });
  });

  test("its patch makes the server's object hold the manifest, whatever changed", () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const containers = fc.uniqueArray(
      fc.record({
        name,
        image: fc.constantFrom("i", "j"),
        env: fc.uniqueArray(fc.record({ name, value: name }), { selector: (e) => e.name }),
      }),
      { selector: (item) => item.name },
    );
    const object = fc.record({
      metadata: fc.record({ labels: fc.dictionary(name, name), finalizers: fc.uniqueArray(name) }),
      spec: fc.record(
        { containers, nodeSelector: fc.dictionary(name, name), hostname: name },
        { requiredKeys: ["containers"] },
      ),
    });
    fc.assert(
      fc.property(object, object, (original, modified) => {
        // The server has what was applied last, so afterwards it must have exactly what is applied now.
        const patch = threeWayPatch(original, modified, original, "core.v1.Pod");
        expect(strategicMerge(original, patch, "core.v1.Pod")).toEqual(modified);
      }),
    );
  });
});

test("withLastApplied holds the manifest without itself, also when done twice", () => {
  const manifest = { kind: "Pod", metadata: { name: "x", annotations: { a: "1" } } };
  const once = withLastApplied(manifest);
  expect(withLastApplied(once)).toEqual(once);
  const { annotations } = once["metadata"] as { annotations: Record<string, string> };
  expect(Object.keys(annotations)).toEqual(["a", LAST_APPLIED]);
  expect(JSON.parse(annotations[LAST_APPLIED]!)).toEqual(manifest);
});
