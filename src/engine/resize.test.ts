import { describe, expect, test } from "vitest";

import type { Container as Spec, Pod, ResourceRequirements } from "../api/gen/types.ts";
import type { Container } from "../runtime/runtime.ts";
import { allocated, pendingResize, widest } from "./resize.ts";
import { containerLimits } from "./resources.ts";

const SMALL = { requests: { cpu: "100m", memory: "16Mi" }, limits: { cpu: "200m", memory: "32Mi" } };
const spec = (resources: ResourceRequirements, rest: Partial<Spec> = {}): Spec => ({ name: "c", ...rest, resources });
const having = (resources: ResourceRequirements): Container =>
  ({ config: { resources: { ...containerLimits(spec(resources)), oomScoreAdj: 5 } } }) as never;

describe("pendingResize", () => {
  const more = { ...SMALL, limits: { cpu: "300m", memory: "32Mi" } };
  const restartFor = (resourceName: string) => ({
    resizePolicy: [{ resourceName, restartPolicy: "RestartContainer" }],
  });
  test.each([
    ["nothing", SMALL, {}, "none"],
    ["CPU", more, {}, "update"],
    ["CPU, when memory wants a restart", more, restartFor("memory"), "update"],
    ["CPU, when it wants a restart", more, restartFor("cpu"), "restart"],
    ["a limit that was not there", { ...SMALL, limits: { ...SMALL.limits, memory: "64Mi" } }, {}, "update"],
    [
      "a request of memory, which the kernel never hears of",
      { ...SMALL, requests: { cpu: "100m", memory: "20Mi" } },
      {},
      "none",
    ],
  ])("%s", (_what, resources, rest, expected) => {
    expect(pendingResize(spec(resources, rest), having(SMALL))).toBe(expected);
  });
});

test("widest: what one of two does not limit is not limited", () => {
  expect(widest({ cpuShares: 2, memoryBytes: 5 }, { cpuShares: 7, cpuQuotaUs: 1 })).toEqual({ cpuShares: 7 });
});

describe("allocated", () => {
  const pod = (cpu: string, told?: ResourceRequirements): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [spec({ requests: { cpu } })] },
    status: told ? { containerStatuses: [{ name: "c", resources: told } as never] } : {},
  });
  const node = { cpu: "2", memory: "1Gi" };

  test("a Pod keeps what it has when it asks for more than the machine has", () => {
    const before = { requests: { cpu: "1" } };
    expect(allocated(pod("9", before), node)).toMatchObject({
      pod: { spec: { containers: [{ resources: before }] } },
      why: "Node didn't have enough capacity: cpu, requested: 9000, capacity: 2000",
    });
    expect(allocated(pod("2", before), node)).toEqual({ pod: pod("2", before) });
  });

  test("a Pod that was made so big was never resized", () => {
    expect(allocated(pod("9"), node).why).toBeUndefined();
    expect(allocated(pod("9", { requests: { cpu: "9" } }), node).why).toBeUndefined();
  });
});
