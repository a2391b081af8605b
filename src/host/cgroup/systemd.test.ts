import { expect, test } from "vitest";

import type { CgroupTree, Command, Completed } from "../host.ts";
import { createFakeHost } from "../fake.ts";
import { withUnits } from "./systemd.ts";
import { scopeProperties, siblingProperties, unitProperties } from "./unit-properties.ts";

const SLICE = "a.slice/a-b.slice";
const SCOPE = "a.slice/a-b.slice/minke-1.scope";

/** Units over a fake tree; `answer` is how systemd's programs end. Tells what they were asked, in the words that matter. */
function units(answer: (words: string) => Partial<Completed> = () => ({})) {
  const asked: string[] = [];
  const tree: CgroupTree = createFakeHost().cgroup;
  const run = async ({ argv }: Command): Promise<Completed> => {
    const words = argv.filter((word) => !word.startsWith("--") && !word.includes("freedesktop")).join(" ");
    asked.push(words);
    return { code: 0, stdout: "", stderr: "", ...answer(words) };
  };
  return { cgroup: withUnits(tree, { process: { run }, base: "/sys/fs/cgroup" }), tree, asked };
}

const UNLIMITED = 18_446_744_073_709_551_615n;
const ACCOUNTING = "CPUAccounting b true MemoryAccounting b true IOAccounting b true TasksAccounting b true";

test("a slice is made with its limits and waited for, and what systemd has no word for is written by hand", async () => {
  const { cgroup, tree, asked } = units();
  await cgroup.create(SLICE, { memoryBytes: 64, pids: 5, hugepages: [{ pageSize: "2MB", bytes: 0 }] });
  expect(asked).toEqual([
    `busctl call StartTransientUnit ssa(sv)a(sa(sv)) a-b.slice fail 6 ${ACCOUNTING} MemoryMax t 64 TasksMax t 5 0`,
    "systemctl start a-b.slice",
  ]);
  expect(await tree.exists(SLICE)).toBe(true);
});

test("one that is there, or about to go, is told its limits; without any nothing is asked", async () => {
  const { cgroup, asked } = units((words) => ({ code: words.includes("StartTransientUnit") ? 1 : 0 }));
  await cgroup.create(SLICE, { memoryBytes: 64 });
  expect(asked.slice(1)).toEqual([
    "busctl call SetUnitProperties sba(sv) a-b.slice true 1 MemoryMax t 64",
    "systemctl start a-b.slice",
  ]);
  await cgroup.create(SLICE, { pids: 7 });
  expect(asked.at(-1)).toBe("busctl call SetUnitProperties sba(sv) a-b.slice true 1 TasksMax t 7");
  await cgroup.create(SLICE, {});
  expect(asked).toHaveLength(4);
});

test("below a scope only what counts among siblings is the scope's, and it has no limit", async () => {
  const { cgroup, tree, asked } = units();
  await tree.create(`${SCOPE}/container`, {});
  await cgroup.update(`${SCOPE}/container`, { cpuShares: 1024, memoryBytes: 64 });
  expect(asked).toEqual([
    `busctl call SetUnitProperties sba(sv) minke-1.scope true 2 CPUWeight t 100 MemoryMax t ${UNLIMITED}`,
  ]);
  expect((await tree.stats(`${SCOPE}/container`))?.memoryLimitBytes).toBe(64);
});

test("a unit is stopped unless systemd was faster, and a cgroup by hand is not its business", async () => {
  const { cgroup, tree, asked } = units((words) => ({ code: words.startsWith("systemctl stop") ? 5 : 0 }));
  await cgroup.remove(`${SCOPE}/container`);
  expect(asked).toEqual([]);
  await tree.create(`${SCOPE}/container`, {});
  await cgroup.remove(`${SCOPE}/container`);
  expect(asked).toEqual(["systemctl stop minke-1.scope"]);
  expect(await tree.exists(SCOPE)).toBe(false);
  await cgroup.create("minke/pod1", { pids: 1 });
  await cgroup.update("minke/pod1", { pids: 2 });
  await cgroup.remove("minke/pod1");
  expect(asked).toHaveLength(1);
});

test("what systemd says is in the error", async () => {
  const { cgroup } = units(() => ({ code: 1, stderr: "Call failed: Access denied\n" }));
  await expect(cgroup.create(SLICE, {})).rejects.toThrow(
    "Cannot start a-b.slice: Call failed: Access denied; see systemctl status a-b.slice",
  );
});

test.each([
  [{ cpuQuotaUs: 50_000 }, { CPUQuotaPerSecUSec: 500_000n, CPUQuotaPeriodUSec: 100_000n }],
  [
    { cpuQuotaUs: 10_500, cpuPeriodUs: 100_000 },
    { CPUQuotaPerSecUSec: 110_000n, CPUQuotaPeriodUSec: 100_000n },
  ],
  [{ cpuQuotaUs: -1 }, { CPUQuotaPerSecUSec: UNLIMITED, CPUQuotaPeriodUSec: 100_000n }],
  [
    { memoryBytes: 16, memorySwapBytes: 24 },
    { MemoryMax: 16n, MemorySwapMax: 8n },
  ],
  [
    { memoryBytes: -1, memorySwapBytes: -1 },
    { MemoryMax: UNLIMITED, MemorySwapMax: UNLIMITED },
  ],
  [{ pids: -1 }, { TasksMax: UNLIMITED }],
  [
    { cpusetCpus: "0-3,9", cpusetMems: "1" },
    { AllowedCPUs: [0b1111, 0b10], AllowedMemoryNodes: [0b10] },
  ],
  [
    { unified: { "memory.low": "5", "memory.high": "max", "memory.oom.group": "1" } },
    { MemoryLow: 5n, MemoryHigh: UNLIMITED },
  ],
])("%j in systemd's words", (resources, expected) => {
  expect(Object.fromEntries(unitProperties(resources).map(({ name, value }) => [name, value]))).toEqual(expected);
});

test("weights and protection count among siblings", () => {
  const all = { cpuShares: 512, cpuQuotaUs: 1000, memoryBytes: 5, unified: { "memory.min": "5", "memory.high": "5" } };
  expect(siblingProperties(all).map(({ name }) => name)).toEqual(["CPUWeight", "MemoryMin"]);
  const lifted = scopeProperties({ ...all, cpusetCpus: "1" }).map(({ name, value }) => [name, value]);
  expect(Object.fromEntries(lifted)).toEqual({
    CPUWeight: 59n,
    CPUQuotaPerSecUSec: UNLIMITED,
    CPUQuotaPeriodUSec: 100_000n,
    AllowedCPUs: [],
    MemoryMax: UNLIMITED,
    MemoryMin: 5n,
    MemoryHigh: UNLIMITED,
  });
});
