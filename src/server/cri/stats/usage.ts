/** From a cgroup's figures to the messages that containers and sandboxes share. Pure. */
import type { Init } from "../message.ts";

import type { CgroupStats } from "../../../runtime/runtime.ts";
import type {
  CpuUsageSchema,
  IoUsageSchema,
  MemoryUsageSchema,
  PsiStatsSchema,
  SwapUsageSchema,
} from "../gen/runtime/v1/api_pb.ts";

type Pressure = NonNullable<NonNullable<CgroupStats["pressure"]>["cpu"]>;

/** A figure that the host does not have is left out. */
export function counter(value: number | undefined): { value: bigint } | undefined {
  return value === undefined ? undefined : { value: BigInt(Math.max(0, Math.trunc(value))) };
}

/** Leaves out what is undefined, as the messages' types want it. */
function defined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

export function cpuUsage(
  stats: CgroupStats,
  timestamp: bigint,
  nanoCores: number | undefined,
): Init<typeof CpuUsageSchema> {
  return defined({
    timestamp,
    usageCoreNanoSeconds: counter(stats.cpuUsageNs),
    usageNanoCores: counter(nanoCores),
    psi: psi(stats.pressure?.cpu),
  });
}

export function memoryUsage(stats: CgroupStats, timestamp: bigint): Init<typeof MemoryUsageSchema> {
  const { memoryLimitBytes: limit, memoryWorkingSetBytes: workingSet } = stats;
  return defined({
    timestamp,
    workingSetBytes: counter(workingSet),
    availableBytes: limit === undefined ? undefined : counter(limit - workingSet),
    usageBytes: counter(stats.memoryUsageBytes),
    rssBytes: counter(stats.memoryRssBytes),
    pageFaults: counter(stats.pageFaults),
    majorPageFaults: counter(stats.majorPageFaults),
    psi: psi(stats.pressure?.memory),
  });
}

/** undefined where the kernel does not account swap per cgroup. */
export function swapUsage(
  { memorySwapBytes: swap, memorySwapLimitBytes: both, memoryLimitBytes: memory }: CgroupStats,
  timestamp: bigint,
): Init<typeof SwapUsageSchema> | undefined {
  if (swap === undefined) return undefined;
  const limit = both === undefined || memory === undefined ? undefined : both - memory;
  return defined({
    timestamp,
    swapUsageBytes: counter(swap),
    swapAvailableBytes: limit === undefined ? undefined : counter(limit - swap),
  });
}

export function ioUsage({ pressure }: CgroupStats, timestamp: bigint): Init<typeof IoUsageSchema> | undefined {
  const io = psi(pressure?.io);
  return io && { timestamp, psi: io };
}

function psi(pressure: Pressure | undefined): Init<typeof PsiStatsSchema> | undefined {
  if (!pressure) return undefined;
  const data = (share: Pressure["some"]) => ({
    Total: BigInt(share.totalNs),
    Avg10: share.avg10,
    Avg60: share.avg60,
    Avg300: share.avg300,
  });
  return { Full: data(pressure.full), Some: data(pressure.some) };
}
