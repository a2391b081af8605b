/** Small facts about Pods: QoS class, effective requests, downward API, expansion of variables. */
import { describe, expect, test } from "vitest";
import { expandVariables } from "./env-expand.ts";
import { fieldValue } from "./fields.ts";
import type { Container, Pod } from "./gen/types.ts";
import { effectiveRequests } from "./pod-resources.ts";
import { qosClassOf } from "./qos.ts";

const container = (limits: object, requests: object, fields: Partial<Container> = {}): Container =>
  ({ name: "c", resources: { limits, requests }, ...fields }) as Container;

describe("qosClassOf", () => {
  const both = { cpu: "1", memory: "1Gi" };
  test.each([
    [[container({}, {})], [], "BestEffort"],
    [[container({}, { cpu: "0" })], [], "BestEffort"],
    [[container(both, both)], [], "Guaranteed"],
    [[container(both, { cpu: "1000m", memory: "1024Mi" })], [], "Guaranteed"],
    [[container(both, { cpu: "500m" })], [], "Burstable"],
    [[container({ cpu: "1" }, { cpu: "1" })], [], "Burstable"],
    [[container(both, both), container({}, {})], [], "Burstable"],
    [[container(both, both)], [container({}, {})], "Burstable"],
  ])("%#: %s", (containers, initContainers, expected) => {
    expect(qosClassOf({ containers, initContainers })).toBe(expected);
  });
});

test("effective requests: containers and sidecars together, or the hungriest init container", () => {
  const spec = {
    initContainers: [
      container({}, { cpu: "100m" }, { restartPolicy: "Always" }),
      container({}, { cpu: "2", memory: "1Mi" }),
    ],
    containers: [container({}, { cpu: "500m", memory: "1Gi" }), container({ memory: "1Gi" }, {})],
    overhead: { cpu: "10m" },
  };
  expect(effectiveRequests({ spec } as unknown as Pod)).toEqual({ cpu: "2110m", memory: "2Gi" });
});

test.each([
  ["metadata.name", "x"],
  ["metadata.labels['a']", "1"],
  ["metadata.labels['constructor']", ""],
  ["metadata.annotations", 'k="v\\"w"\nz=""'],
  ["status.podIPs", "10.0.0.1,fd00::1"],
  ["spec.nodeName", ""],
  ["spec.containers", undefined],
  ["metadata.name['a']", undefined],
])("fieldValue %s", (path, expected) => {
  const pod = {
    metadata: { name: "x", labels: { a: "1" }, annotations: { z: "", k: 'v"w' } },
    status: { podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] },
  };
  expect(fieldValue(pod as unknown as Pod, path)).toBe(expected);
});

test.each([
  ["$(A)", "1"],
  ["$(A)$(B)-$(A)", "12-1"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$$$$(A)", "$$(A)"],
  ["$(missing)", "$(missing)"],
  ["$(A", "$(A"],
  ["$A ${A} $", "$A ${A} $"],
  ["$()", "$()"],
  ["$($(A))", "$($(A))"],
  ["$(E)", "$(A)"],
])("expandVariables %s", (text, expected) => {
  const variables = new Map([
    ["A", "1"],
    ["B", "2"],
    ["E", "$(A)"],
  ]);
  expect(expandVariables(text, (name) => variables.get(name))).toBe(expected);
});
