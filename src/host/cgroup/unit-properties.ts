/** Limits in systemd's words (systemd.resource-control(5), org.freedesktop.systemd1(5)). Pure. */
import type { CgroupResources } from "../host.ts";
import { weightOfShares } from "./cpu.ts";

/** A property of a unit, its type as D-Bus has it: a number or a row of bytes. */
export type UnitProperty =
  | { readonly name: string; readonly type: "t"; readonly value: bigint }
  | { readonly name: string; readonly type: "ay"; readonly value: readonly number[] };

/** What systemd writes as `infinity` and the kernel as `max`. */
export const UNLIMITED = 2n ** 64n - 1n;
const PERIOD_US = 100_000;
const SECOND_US = 1_000_000;
/** systemd keeps a quota in whole percent of a CPU. opencontainers/cgroups systemd/common.go rounds up as well. */
const PERCENT_US = 10_000;
/** Files of cgroup v2 that systemd has a word for; others it leaves alone. */
const MEMORY_FILES: Readonly<Record<string, string>> = {
  "memory.min": "MemoryMin",
  "memory.low": "MemoryLow",
  "memory.high": "MemoryHigh",
};
/** What counts among siblings, and so not below a scope, where a container is alone. */
const AMONG_SIBLINGS: ReadonlySet<string> = new Set(["CPUWeight", "MemoryMin", "MemoryLow"]);

/**
 * All that systemd has to know, since it writes what it knows whenever it goes through its units. What it has no word for
 * (huge pages) it never writes.
 */
export function unitProperties(resources: CgroupResources): UnitProperty[] {
  const { cpuShares, cpusetCpus, cpusetMems, memoryBytes, memorySwapBytes, pids, unified = {} } = resources;
  return [
    ...(cpuShares === undefined ? [] : [number("CPUWeight", weightOfShares(cpuShares))]),
    ...quota(resources),
    ...(cpusetCpus === undefined ? [] : [bits("AllowedCPUs", cpusetCpus)]),
    ...(cpusetMems === undefined ? [] : [bits("AllowedMemoryNodes", cpusetMems)]),
    ...(memoryBytes === undefined ? [] : [number("MemoryMax", memoryBytes)]),
    ...(memorySwapBytes === undefined ? [] : [number("MemorySwapMax", swap(memorySwapBytes, memoryBytes))]),
    ...(pids === undefined ? [] : [number("TasksMax", pids)]),
    ...Object.entries(unified).flatMap(([file, text]) => memoryFile(file, text)),
  ];
}

/** The part of {@link unitProperties} that a scope needs, when the limits themselves are in a cgroup below it. */
export function siblingProperties(resources: CgroupResources): UnitProperty[] {
  return unitProperties(resources).filter(({ name }) => AMONG_SIBLINGS.has(name));
}

/** As {@link siblingProperties}, and no limit: crun from 1.16 on gives them to the scope too, where a higher one would not hold. */
export function scopeProperties(resources: CgroupResources): UnitProperty[] {
  return unitProperties(resources).map((property) => {
    const { name, type } = property;
    if (AMONG_SIBLINGS.has(name) || name === "CPUQuotaPeriodUSec") return property;
    return type === "t" ? { name, type, value: UNLIMITED } : { name, type, value: [] };
  });
}

function quota({ cpuQuotaUs, cpuPeriodUs }: CgroupResources): UnitProperty[] {
  if (cpuQuotaUs === undefined && cpuPeriodUs === undefined) return [];
  const period = cpuPeriodUs ?? PERIOD_US;
  const unlimited = cpuQuotaUs === undefined || cpuQuotaUs < 0;
  const percent = unlimited ? -1 : Math.ceil((cpuQuotaUs * SECOND_US) / period / PERCENT_US);
  return [number("CPUQuotaPerSecUSec", percent * PERCENT_US), number("CPUQuotaPeriodUSec", period)];
}

/** systemd counts swap apart, as the kernel does in v2. */
function swap(memorySwapBytes: number, memoryBytes: number | undefined): number {
  return memorySwapBytes < 0 || memoryBytes === undefined ? -1 : memorySwapBytes - memoryBytes;
}

function memoryFile(file: string, text: string): UnitProperty[] {
  const name = MEMORY_FILES[file];
  if (name === undefined || !/^(\d+|max)$/.test(text)) return [];
  return [{ name, type: "t", value: text === "max" ? UNLIMITED : BigInt(text) }];
}

/** Below 0 is unlimited. */
function number(name: string, value: number): UnitProperty {
  return { name, type: "t", value: value < 0 ? UNLIMITED : BigInt(value) };
}

/** The kernel's list format (`0-3,5`) as a set of bits, the lowest first. */
function bits(name: string, list: string): UnitProperty {
  const bytes: number[] = [];
  for (const range of list.split(",").filter((each) => each.trim() !== "")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    for (let bit = first; bit <= last; bit++) {
      while (bytes.length <= bit >> 3) bytes.push(0);
      bytes[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return { name, type: "ay", value: bytes };
}
