import { describe, expect, test } from "vitest";

import { cpuV1, cpuV2, weightOfShares } from "./cpu.ts";
import { cpusetLists } from "./cpuset.ts";
import { hugetlbV1, hugetlbV2 } from "./hugetlb.ts";
import { ioUsageV1, ioUsageV2, ioV1, ioV2 } from "./io.ts";
import { memoryV1, memoryV2 } from "./memory.ts";
import { pidsMax } from "./pids.ts";
import { parsePressure } from "./pressure.ts";
import { refuseUnified, unifiedV2 } from "./unified.ts";
import type { ControlWrite } from "./control-file.ts";

const text = (writes: readonly ControlWrite[]): string[] => writes.map(({ file, value }) => `${file}=${value}`);

// milli-CPU → weight as opencontainers/cgroups gives them.
test.each([
  [2, 1],
  [102, 17],
  [256, 35],
  [512, 59],
  [1024, 100],
  [2048, 174],
  [4096, 303],
  [262_144, 10_000],
])("%d shares are weight %d", (shares, weight) => {
  expect(weightOfShares(shares)).toBe(weight);
});

describe("nothing is written for what is absent", () => {
  const v1 = [cpuV1, cpusetLists, memoryV1, pidsMax, ioV1, hugetlbV1];
  const v2 = [cpuV2, memoryV2, ioV2, hugetlbV2, unifiedV2];
  test.each([...v1, ...v2])("%o", (writesOf) => {
    expect(writesOf({})).toEqual([]);
  });
});

test("v1 lifts the quota before it changes the period", () => {
  expect(text(cpuV1({ cpuShares: 10, cpuQuotaUs: 5000, cpuPeriodUs: 10_000 }))).toEqual([
    "cpu.shares=10",
    "cpu.cfs_quota_us=-1",
    "cpu.cfs_period_us=10000",
    "cpu.cfs_quota_us=5000",
  ]);
});

test.each([
  [cpuV2({ cpuQuotaUs: 5000 }), "cpu.max=5000 100000"],
  [cpuV2({ cpuQuotaUs: -1, cpuPeriodUs: 20_000 }), "cpu.max=max 20000"],
  [cpuV2({ cpuShares: 1024 }), "cpu.weight=100"],
  [memoryV1({ memoryBytes: -1 }), "memory.limit_in_bytes=-1"],
  [memoryV2({ memoryBytes: -1 }), "memory.max=max"],
  [memoryV2({ memoryBytes: 4096 }), "memory.max=4096"],
  [pidsMax({ pids: -1 }), "pids.max=max"],
  [ioV1({ blockIo: [{ device: "8:0", writeIops: 7 }] }), "blkio.throttle.write_iops_device=8:0 7"],
  [ioV2({ blockIo: [{ device: "8:0", readBps: 1, writeIops: 7 }] }), "io.max=8:0 rbps=1 wiops=7"],
])("%j is %s", (writes, expected) => {
  expect(text(writes)).toEqual([expected]);
});

test.each([
  [64, ["memory.memsw.limit_in_bytes=64", "memory.limit_in_bytes=64"]],
  [16, ["memory.limit_in_bytes=16", "memory.memsw.limit_in_bytes=16"]],
  [-1, ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"]],
])("v1 moves a limit on memory and swap of 32 along to %d, in the order that the kernel takes", (bytes, expected) => {
  expect(text(memoryV1({ memoryBytes: bytes }, { limitBytes: 32 }))).toEqual(expected);
});

test.each([
  [{}, ["memory.limit_in_bytes=16", "memory.memsw.limit_in_bytes=24"]],
  [{ limitBytes: 20 }, ["memory.memsw.limit_in_bytes=24", "memory.limit_in_bytes=16"]],
  [undefined, ["memory.limit_in_bytes=16"]],
])("v1 sets memory and swap of their own, when the limit on both is %j", (now, expected) => {
  expect(text(memoryV1({ memoryBytes: 16, memorySwapBytes: 24 }, now))).toEqual(expected);
});

test.each([
  [24, "8"],
  [16, "0"],
  [-1, "max"],
])("v2 counts swap apart: %d with memory of 16 is %s", (memorySwapBytes, swap) => {
  expect(memoryV2({ memoryBytes: 16, memorySwapBytes })[1]).toEqual({
    file: "memory.swap.max",
    value: swap,
    field: "memorySwapBytes",
    optional: true,
  });
});

test.each([memoryV1, memoryV2])(
  "memory and swap together can not be less than memory alone, nor be alone",
  (writesOf) => {
    for (const memoryBytes of [16, -1, undefined]) {
      const resources = { memorySwapBytes: 8, ...(memoryBytes === undefined ? {} : { memoryBytes }) };
      expect(() => writesOf(resources)).toThrow(/^Cannot set memorySwapBytes to 8: /);
    }
  },
);

test("huge pages are limited per size; a limit of none needs no controller", () => {
  const hugepages = [
    { pageSize: "2MB", bytes: 4 << 20 },
    { pageSize: "1GB", bytes: 0 },
  ];
  expect(hugetlbV1({ hugepages })).toMatchObject([
    { file: "hugetlb.2MB.limit_in_bytes", value: "4194304", optional: false },
    { file: "hugetlb.1GB.limit_in_bytes", value: "0", optional: true },
  ]);
  expect(text(hugetlbV2({ hugepages }))).toEqual(["hugetlb.2MB.max=4194304", "hugetlb.1GB.max=0"]);
});

test("files named by the caller are a controller's, and v2's alone", () => {
  expect(text(unifiedV2({ unified: { "memory.high": "1000", "hugetlb.2MB.max": "0" } }))).toEqual([
    "memory.high=1000",
    "hugetlb.2MB.max=0",
  ]);
  for (const name of ["cgroup.procs", "../memory.high", "memory", "memory.high/.."]) {
    expect(() => unifiedV2({ unified: { [name]: "1" } })).toThrow(`Cannot set unified["${name}"]`);
  }
  expect(() => refuseUnified({ unified: { "memory.high": "1" } })).toThrow(/v1/);
  refuseUnified({});
});

test("pressure is read in percent and nanoseconds; without it there is none", () => {
  const line = "avg10=0.50 avg60=1.25 avg300=0.00 total=7";
  const share = { avg10: 0.5, avg60: 1.25, avg300: 0, totalNs: 7000 };
  const none = { avg10: 0, avg60: 0, avg300: 0, totalNs: 0 };
  expect(parsePressure(`some ${line}\nfull ${line}\n`)).toEqual({ some: share, full: share });
  expect(parsePressure(`some ${line}\n`)).toEqual({ some: share, full: none });
  expect(parsePressure(undefined)).toBeUndefined();
});

test("what went to and came from each device", () => {
  expect(ioUsageV2("8:0 rbytes=10 wbytes=1 rios=5\n8:16 rbytes=20 wbytes=2 dbytes=9 wios=3\n253:0 \n")).toEqual([
    { device: "8:0", reads: 5, readBytes: 10, writes: 0, writeBytes: 1 },
    { device: "8:16", reads: 0, readBytes: 20, writes: 3, writeBytes: 2 },
  ]);
  const bytes = "8:0 Read 10\n8:0 Write 1\n8:0 Total 11\n8:16 Read 20\nTotal 31\n";
  expect(ioUsageV1(bytes, "8:0 Read 4\n8:0 Write 2\nTotal 6\n")).toEqual([
    { device: "8:0", reads: 4, readBytes: 10, writes: 2, writeBytes: 1 },
    { device: "8:16", reads: 0, readBytes: 20, writes: 0, writeBytes: 0 },
  ]);
  expect(ioUsageV1("Total 0\n", "Total 0\n")).toEqual([]);
});
