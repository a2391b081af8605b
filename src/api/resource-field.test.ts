import { expect, test } from "vitest";
import type { Pod } from "./gen/types.ts";
import { resourceFieldValue } from "./resource-field.ts";

const pod = {
  spec: {
    containers: [
      { name: "c", resources: { limits: { cpu: "1500m", memory: "64Mi" }, requests: { cpu: "250m" } } },
      { name: "free" },
    ],
  },
} as unknown as Pod;
const allocatable = { cpu: "4", memory: "8Gi" };

test.each([
  ["c", "limits.cpu", undefined, "2"],
  ["c", "limits.cpu", "1m", "1500"],
  ["c", "requests.cpu", "0", "1"],
  ["c", "limits.memory", undefined, String(64 * 1024 * 1024)],
  ["c", "limits.memory", "1Mi", "64"],
  ["c", "requests.memory", undefined, "0"],
  ["free", "limits.memory", "1Gi", "8"],
  ["free", "limits.hugepages-2Mi", undefined, undefined],
  ["none", "limits.cpu", undefined, undefined],
  ["c", "odd.cpu", undefined, undefined],
])("%s %s in units of %s is %s", (containerName, resource, divisor, expected) => {
  const selector = { containerName, resource, ...(divisor === undefined ? {} : { divisor }) };
  expect(resourceFieldValue(pod, selector, { allocatable })).toBe(expected);
});

test("without a name it is the container's own", () => {
  const container = pod.spec!.containers[0]!;
  expect(resourceFieldValue(pod, { resource: "requests.cpu", divisor: "1m" }, { container, allocatable })).toBe("250");
});
