/** Limits, there and back. In the CRI, 0 and empty mean that nothing is said. */
import type { Init } from "../message.ts";

import type { ContainerResources } from "../../../runtime/runtime.ts";
import type { LinuxContainerResources, LinuxContainerResourcesSchema } from "../gen/runtime/v1/api_pb.ts";
import { integer, invalid } from "../invalid.ts";

const OOM_SCORE_MAX = 1000;
/** A size in the words of the kernel's hugetlb files. */
const PAGE_SIZE = /^\d+[KMG]B$/;

/** `field` is the path of the message, for errors. */
export function resourcesOf(linux: LinuxContainerResources | undefined, field: string): ContainerResources {
  if (!linux) return {};
  const positive = (value: bigint, name: string): number | undefined =>
    value === 0n ? undefined : integer(value, `${field}.${name}`, { min: 1 });
  const orUnlimited = (value: bigint, name: string): number | undefined =>
    value === 0n ? undefined : integer(value, `${field}.${name}`, { min: -1 });
  const given = {
    cpuPeriodUs: positive(linux.cpuPeriod, "cpu_period"),
    cpuQuotaUs: orUnlimited(linux.cpuQuota, "cpu_quota"),
    cpuShares: positive(linux.cpuShares, "cpu_shares"),
    memoryBytes: orUnlimited(linux.memoryLimitInBytes, "memory_limit_in_bytes"),
    memorySwapBytes: orUnlimited(linux.memorySwapLimitInBytes, "memory_swap_limit_in_bytes"),
    oomScoreAdj: oomScoreAdj(linux.oomScoreAdj, `${field}.oom_score_adj`),
    cpusetCpus: linux.cpusetCpus || undefined,
    cpusetMems: linux.cpusetMems || undefined,
    hugepages: hugepages(linux, field),
    unified: Object.keys(linux.unified).length > 0 ? { ...linux.unified } : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function oomScoreAdj(value: bigint, field: string): number | undefined {
  return value === 0n ? undefined : integer(value, field, { min: -OOM_SCORE_MAX, max: OOM_SCORE_MAX });
}

function hugepages(linux: LinuxContainerResources, field: string): ContainerResources["hugepages"] {
  if (linux.hugepageLimits.length === 0) return undefined;
  return linux.hugepageLimits.map(({ pageSize, limit }, index) => {
    const path = `${field}.hugepage_limits[${index}]`;
    if (!PAGE_SIZE.test(pageSize)) throw invalid(`${path}.page_size`, pageSize, "must be a size such as 2MB");
    return { pageSize, bytes: integer(limit, `${path}.limit`) };
  });
}

/** What an update leaves unsaid stays as it was. */
export function updated(current: ContainerResources, change: ContainerResources): ContainerResources {
  const unified = { ...current.unified, ...change.unified };
  return { ...current, ...change, ...(Object.keys(unified).length > 0 ? { unified } : {}) };
}

/** The message for a status. */
export function resourcesMessage(resources: ContainerResources): Init<typeof LinuxContainerResourcesSchema> {
  const big = (value: number | undefined): bigint => BigInt(value ?? 0);
  return {
    cpuPeriod: big(resources.cpuPeriodUs),
    cpuQuota: big(resources.cpuQuotaUs),
    cpuShares: big(resources.cpuShares),
    memoryLimitInBytes: big(resources.memoryBytes),
    memorySwapLimitInBytes: big(resources.memorySwapBytes),
    oomScoreAdj: big(resources.oomScoreAdj),
    cpusetCpus: resources.cpusetCpus ?? "",
    cpusetMems: resources.cpusetMems ?? "",
    hugepageLimits: (resources.hugepages ?? []).map(({ pageSize, bytes }) => ({ pageSize, limit: BigInt(bytes) })),
    unified: { ...resources.unified },
  };
}
