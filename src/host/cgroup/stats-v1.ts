/** What a v1 cgroup uses: each controller tells its part (Documentation/admin-guide/cgroup-v1). */
import { exists } from "../files.ts";
import type { CgroupStats } from "../host.ts";
import { readControl, readKeyed, readNumber } from "./control-file.ts";
import { ioUsageV1 } from "./io.ts";
import { present } from "./present.ts";
import { subtree } from "./tree.ts";

/** What a limit's file says when there is no limit, rounded to any page size, starts here. */
export const UNLIMITED_BYTES = 2 ** 60;
const NOWHERE = "/nonexistent";

/** `folderOf` tells a controller's folder; undefined when it is not mounted. */
export async function statsV1(folderOf: (controller: string) => string | undefined): Promise<CgroupStats | undefined> {
  const at = (controller: string): string => folderOf(controller) ?? NOWHERE;
  const memory = at("memory");
  if (!(await exists(memory)) && !(await exists(at("cpuacct")))) return undefined;
  const [cpu, memoryStats, pids, pidsLimit, ioBytes, ioOperations, oomKills] = await Promise.all([
    cpuStats(at("cpuacct"), at("cpu")),
    readMemory(memory),
    readNumber(at("pids"), "pids.current"),
    readNumber(at("pids"), "pids.max"),
    readControl(at("blkio"), "blkio.throttle.io_service_bytes_recursive"),
    readControl(at("blkio"), "blkio.throttle.io_serviced_recursive"),
    oomKillsBelow(memory),
  ]);
  const io = ioBytes === undefined ? undefined : ioUsageV1(ioBytes, ioOperations ?? "");
  return {
    ...cpu,
    ...memoryStats,
    pids: pids ?? 0,
    ...present({ pidsLimit, io }),
    oomKills,
  };
}

async function cpuStats(cpuacct: string, cpu: string): Promise<Pick<CgroupStats, "cpuUsageNs">> {
  const [usage, cpuUserNs, cpuSystemNs, throttling] = await Promise.all([
    readNumber(cpuacct, "cpuacct.usage"),
    readNumber(cpuacct, "cpuacct.usage_user"),
    readNumber(cpuacct, "cpuacct.usage_sys"),
    readKeyed(cpu, "cpu.stat"),
  ]);
  const periods = throttling.get("nr_periods");
  const cpuThrottling =
    periods === undefined
      ? undefined
      : {
          periods,
          throttledPeriods: throttling.get("nr_throttled") ?? 0,
          throttledNs: throttling.get("throttled_time") ?? 0,
        };
  return { cpuUsageNs: usage ?? 0, ...present({ cpuUserNs, cpuSystemNs, cpuThrottling }) };
}

async function readMemory(
  folder: string,
): Promise<Pick<CgroupStats, "memoryUsageBytes" | "memoryWorkingSetBytes" | "memoryRssBytes">> {
  const [usage, details, limit, swapLimit, kernel, max, hits] = await Promise.all([
    readNumber(folder, "memory.usage_in_bytes"),
    readKeyed(folder, "memory.stat"),
    readNumber(folder, "memory.limit_in_bytes"),
    readNumber(folder, "memory.memsw.limit_in_bytes"),
    readNumber(folder, "memory.kmem.usage_in_bytes"),
    readNumber(folder, "memory.max_usage_in_bytes"),
    readNumber(folder, "memory.failcnt"),
  ]);
  return {
    memoryUsageBytes: usage ?? 0,
    memoryWorkingSetBytes: Math.max(0, (usage ?? 0) - (details.get("total_inactive_file") ?? 0)),
    memoryRssBytes: details.get("total_rss") ?? 0,
    ...present({
      memoryLimitBytes: limited(limit),
      memoryCacheBytes: details.get("total_cache"),
      memoryMappedFileBytes: details.get("total_mapped_file"),
      memoryKernelBytes: kernel,
      memoryMaxUsageBytes: max,
      memoryLimitHits: hits,
      memorySwapBytes: details.get("total_swap"),
      memorySwapLimitBytes: limited(swapLimit),
      pageFaults: details.get("total_pgfault"),
      majorPageFaults: details.get("total_pgmajfault"),
    }),
  };
}

function limited(bytes: number | undefined): number | undefined {
  return bytes === undefined || bytes >= UNLIMITED_BYTES ? undefined : bytes;
}

/** v1 counts a kill only in the cgroup whose limit was hit, v2 in its parents too: add up. */
async function oomKillsBelow(folder: string): Promise<number> {
  const counts = await Promise.all(
    (await subtree(folder)).map(async (path) => (await readKeyed(path, "memory.oom_control")).get("oom_kill") ?? 0),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
