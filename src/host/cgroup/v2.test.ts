/** The v2 driver on a folder that looks like a cgroup tree: what it writes where. The kernel's part is tested in a VM. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../base/clock.ts";
import type { CgroupTree } from "../host.ts";
import { createCgroupV2 } from "./v2.ts";

let base = "";
let cgroup: CgroupTree;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "minke-cgroup2-"));
  cgroup = createCgroupV2(base, systemClock);
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), content);
  }
}
const read = async (path: string): Promise<string> => await readFile(join(base, path), "utf8");

/** A folder whose controllers are there, and of which `enabled` already reach its children. */
const folder = (path: string, enabled: string): Readonly<Record<string, string>> => ({
  [join(path, "cgroup.controllers")]: "cpuset cpu io memory hugetlb pids\n",
  [join(path, "cgroup.subtree_control")]: enabled,
});

test("create enables, on every level above, what is not yet enabled, and writes the limits", async () => {
  await put({
    ...folder("", "cpu memory\n"),
    ...folder("minke", ""),
    ...folder("minke/pods", "cpuset cpu io memory hugetlb pids"),
  });
  await cgroup.create("minke/pods/pod1", { cpuShares: 512, cpuQuotaUs: 50_000, memoryBytes: 1 << 20, pids: 9 });
  expect(await read("cgroup.subtree_control")).toBe("+cpuset +hugetlb +io +pids");
  expect(await read("minke/cgroup.subtree_control")).toBe("+cpu +cpuset +hugetlb +io +memory +pids");
  expect(await read("minke/pods/cgroup.subtree_control")).toBe("cpuset cpu io memory hugetlb pids");
  expect(await read("minke/pods/pod1/cpu.weight")).toBe("59");
  expect(await read("minke/pods/pod1/cpu.max")).toBe("50000 100000");
  expect(await read("minke/pods/pod1/memory.max")).toBe("1048576");
  expect(await read("minke/pods/pod1/pids.max")).toBe("9");
  expect(await cgroup.children("minke/pods")).toEqual(["minke/pods/pod1"]);
});

test("a controller that the host lacks is left out", async () => {
  await put({ "cgroup.controllers": "cpu pids\n", "cgroup.subtree_control": "" });
  expect(await cgroup.prepare()).toEqual([]);
  expect(await read("cgroup.subtree_control")).toBe("+cpu +pids");
});

test("stats reads usage, working set, limit, io and kills", async () => {
  await put({
    "a/cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 5\nnr_throttled 2\nthrottled_usec 3\n",
    "a/memory.current": "1000\n",
    "a/memory.stat": "anon 400\ninactive_file 300\nfile 500\nfile_mapped 50\nkernel 20\npgfault 11\npgmajfault 12\n",
    "a/memory.max": "max\n",
    "a/memory.peak": "1100\n",
    "a/memory.swap.current": "9\n",
    "a/memory.swap.max": "100\n",
    "a/pids.current": "3\n",
    "a/pids.max": "max\n",
    "a/io.stat": "8:0 rbytes=5 wbytes=6 rios=1\n",
    "a/memory.events": "low 0\nmax 4\noom 2\noom_kill 1\n",
    "a/cpu.pressure": "some avg10=1.00 avg60=0.00 avg300=0.00 total=2\n",
  });
  const expected = {
    cpuUsageNs: 1_500_000,
    cpuUserNs: 1_000_000,
    cpuSystemNs: 500_000,
    cpuThrottling: { periods: 5, throttledPeriods: 2, throttledNs: 3000 },
    memoryUsageBytes: 1000,
    memoryWorkingSetBytes: 700,
    memoryRssBytes: 400,
    memoryCacheBytes: 500,
    memoryMappedFileBytes: 50,
    memoryKernelBytes: 20,
    memoryMaxUsageBytes: 1100,
    memoryLimitHits: 4,
    memorySwapBytes: 9,
    pageFaults: 11,
    majorPageFaults: 12,
    pressure: {
      cpu: {
        some: { avg10: 1, avg60: 0, avg300: 0, totalNs: 2000 },
        full: { avg10: 0, avg60: 0, avg300: 0, totalNs: 0 },
      },
    },
    pids: 3,
    io: [{ device: "8:0", reads: 1, readBytes: 5, writes: 0, writeBytes: 6 }],
    oomKills: 1,
  };
  expect(await cgroup.stats("a")).toEqual(expected);
  await put({ "a/memory.max": "4096\n" });
  expect(await cgroup.stats("a")).toEqual({ ...expected, memoryLimitBytes: 4096, memorySwapLimitBytes: 4196 });
  expect(await cgroup.stats("none")).toBeUndefined();
});

test("processes are those of the whole subtree, each once", async () => {
  await put({ "a/cgroup.procs": "", "a/b/cgroup.procs": "7\n8\n", "a/b/c/cgroup.procs": "8\n9\n" });
  expect((await cgroup.processes("a")).toSorted((a, b) => a - b)).toEqual([7, 8, 9]);
});

test("kill writes cgroup.kill, and remove removes depth first", async () => {
  await put({ "a/cgroup.kill": "" });
  await cgroup.kill("a");
  expect(await read("a/cgroup.kill")).toBe("1");
  await mkdir(join(base, "b/c/d"), { recursive: true });
  await cgroup.remove("b");
  expect(await cgroup.exists("b")).toBe(false);
});
