import { describe, expect, test } from "vitest";

import { cpuV1, cpuV2, weightOfShares } from "./cpu.ts";
import { ioBytesV1, ioBytesV2, ioV1, ioV2 } from "./io.ts";
import { memoryV1, memoryV2 } from "./memory.ts";
import { pidsMax } from "./pids.ts";
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
  test.each([cpuV1, cpuV2, memoryV1, memoryV2, pidsMax, ioV1, ioV2])("%o", (writesOf) => {
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
  expect(text(memoryV1({ memoryBytes: bytes }, 32))).toEqual(expected);
});

test("bytes of all devices are added", () => {
  expect(ioBytesV2("8:0 rbytes=10 wbytes=1 rios=5\n8:16 rbytes=20 wbytes=2 dbytes=9\n")).toEqual({
    read: 30,
    write: 3,
  });
  expect(ioBytesV1("8:0 Read 10\n8:0 Write 1\n8:0 Total 11\n8:16 Read 20\nTotal 31\n")).toEqual({ read: 30, write: 1 });
});
