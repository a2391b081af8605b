/** What a v2 cgroup uses (Documentation/admin-guide/cgroup-v2.rst). */
import { exists } from "../files.ts";
import type { CgroupStats } from "../host.ts";
import { readControl, readKeyed, readNumber } from "./control-file.ts";
import { ioUsageV2 } from "./io.ts";
import { parsePressure } from "./pressure.ts";
import { present } from "./present.ts";

export async function statsV2(folder: string): Promise<CgroupStats | undefined> {
  if (!(await exists(folder))) return undefined;
  const [cpu, memory, pids, pidsLimit, io, pressure] = await Promise.all([
    readKeyed(folder, "cpu.stat"),
    readMemory(folder),
    readNumber(folder, "pids.current"),
    readNumber(folder, "pids.max"),
    readControl(folder, "io.stat"),
    readPressure(folder),
  ]);
  return {
    ...cpuStats(cpu),
    ...memory,
    pids: pids ?? 0,
    ...present({ pidsLimit, pressure, io: io === undefined ? undefined : ioUsageV2(io) }),
  };
}

function cpuStats(stat: ReadonlyMap<string, number>): Pick<CgroupStats, "cpuUsageNs"> {
  const ns = (key: string): number | undefined => {
    const us = stat.get(key);
    return us === undefined ? undefined : us * 1000;
  };
  const periods = stat.get("nr_periods");
  const cpuThrottling =
    periods === undefined
      ? undefined
      : {
          periods,
          throttledPeriods: stat.get("nr_throttled") ?? 0,
          throttledNs: ns("throttled_usec") ?? 0,
        };
  return {
    cpuUsageNs: ns("usage_usec") ?? 0,
    ...present({ cpuUserNs: ns("user_usec"), cpuSystemNs: ns("system_usec"), cpuThrottling }),
  };
}

async function readMemory(
  folder: string,
): Promise<Pick<CgroupStats, "memoryUsageBytes" | "memoryWorkingSetBytes" | "memoryRssBytes" | "oomKills">> {
  const [usage, details, limit, max, swap, swapLimit, events] = await Promise.all([
    readNumber(folder, "memory.current"),
    readKeyed(folder, "memory.stat"),
    readNumber(folder, "memory.max"),
    readNumber(folder, "memory.peak"),
    readNumber(folder, "memory.swap.current"),
    readNumber(folder, "memory.swap.max"),
    readKeyed(folder, "memory.events"),
  ]);
  return {
    memoryUsageBytes: usage ?? 0,
    memoryWorkingSetBytes: Math.max(0, (usage ?? 0) - (details.get("inactive_file") ?? 0)),
    memoryRssBytes: details.get("anon") ?? 0,
    ...present({
      memoryLimitBytes: limit,
      memoryCacheBytes: details.get("file"),
      memoryMappedFileBytes: details.get("file_mapped"),
      memoryKernelBytes: details.get("kernel"),
      memoryMaxUsageBytes: max,
      memoryLimitHits: events.get("max"),
      memorySwapBytes: swap,
      memorySwapLimitBytes: limit === undefined || swapLimit === undefined ? undefined : limit + swapLimit,
      pageFaults: details.get("pgfault"),
      majorPageFaults: details.get("pgmajfault"),
    }),
    oomKills: events.get("oom_kill") ?? 0,
  };
}

async function readPressure(folder: string): Promise<CgroupStats["pressure"]> {
  const [cpu, memory, io] = await Promise.all(
    ["cpu", "memory", "io"].map(async (name) => parsePressure(await readControl(folder, `${name}.pressure`))),
  );
  const found = present({ cpu, memory, io });
  return Object.keys(found).length === 0 ? undefined : found;
}
