/** The v1 driver on folders that look like hierarchies: what it writes where. test/contract has the kernel's part. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../base/clock.ts";
import type { CgroupTree } from "../host.ts";
import { createCgroupV1 } from "./v1.ts";

let base = "";
let cgroup: CgroupTree;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "minke-cgroup1-"));
  const hierarchies = [["cpu", "cpuacct"], ["cpuset"], ["memory"], ["pids"], ["name=systemd"]].map((controllers) => ({
    base: join(base, controllers.join(",")),
    controllers,
  }));
  for (const hierarchy of hierarchies) await mkdir(hierarchy.base);
  cgroup = createCgroupV1({
    hierarchies: () => hierarchies,
    unified: undefined,
    prepare: async () => [],
    clock: systemClock,
  });
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});
const read = async (path: string): Promise<string> => await readFile(join(base, path), "utf8");

test("create makes the path in every hierarchy, named ones too, and writes each limit into its own", async () => {
  await cgroup.create("minke/pod1", { cpuShares: 512, memoryBytes: 4096, pids: 9 });
  expect(await read("cpu,cpuacct/minke/pod1/cpu.shares")).toBe("512");
  expect(await read("memory/minke/pod1/memory.limit_in_bytes")).toBe("4096");
  expect(await read("pids/minke/pod1/pids.max")).toBe("9");
  await mkdir(join(base, "name=systemd/minke/pod1/leftover"));
  expect(await cgroup.children("minke/pod1")).toEqual(["minke/pod1/leftover"]);
});

test("a limit of a controller that is not mounted is refused by name", async () => {
  await expect(cgroup.create("a", { blockIo: [{ device: "8:0", readBps: 1 }] })).rejects.toMatchObject({
    code: "FailedPrecondition",
    message: expect.stringMatching(/^Cannot set blockIo\.readBps to "8:0 1" .*controller/),
  });
});

test("stats adds the kills of the cgroups below, and takes a huge limit for none", async () => {
  for (const [path, content] of Object.entries({
    "memory/a/memory.oom_control": "oom_kill_disable 0\noom_kill 1\n",
    "memory/a/b/memory.oom_control": "oom_kill 2\n",
    "memory/a/memory.usage_in_bytes": "1000\n",
    "memory/a/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/a/memory.stat":
      "inactive_file 1\ntotal_inactive_file 300\ntotal_rss 400\ntotal_cache 500\ntotal_mapped_file 50\ntotal_swap 9\n" +
      "total_pgfault 11\ntotal_pgmajfault 12\n",
    "memory/a/memory.memsw.limit_in_bytes": "2000\n",
    "memory/a/memory.kmem.usage_in_bytes": "20\n",
    "memory/a/memory.max_usage_in_bytes": "1100\n",
    "memory/a/memory.failcnt": "4\n",
    "cpu,cpuacct/a/cpuacct.usage": "77\n",
    "cpu,cpuacct/a/cpuacct.usage_user": "70\n",
    "cpu,cpuacct/a/cpuacct.usage_sys": "7\n",
    "cpu,cpuacct/a/cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 300\n",
    "pids/a/pids.current": "2\n",
    "pids/a/pids.max": "100\n",
  })) {
    await mkdir(join(base, path, ".."), { recursive: true });
    await writeFile(join(base, path), content);
  }
  expect(await cgroup.stats("a")).toEqual({
    cpuUsageNs: 77,
    cpuUserNs: 70,
    cpuSystemNs: 7,
    cpuThrottling: { periods: 5, throttledPeriods: 2, throttledNs: 300 },
    memoryUsageBytes: 1000,
    memoryWorkingSetBytes: 700,
    memoryRssBytes: 400,
    memoryCacheBytes: 500,
    memoryMappedFileBytes: 50,
    memoryKernelBytes: 20,
    memoryMaxUsageBytes: 1100,
    memoryLimitHits: 4,
    memorySwapBytes: 9,
    memorySwapLimitBytes: 2000,
    pageFaults: 11,
    majorPageFaults: 12,
    pids: 2,
    pidsLimit: 100,
    oomKills: 3,
  });
});
