/** Limits of a container's cgroup in the words of the OCI spec. Pure. */
import { MinkeError } from "../base/errors.ts";
import { weightOfShares } from "../host/cgroup/cpu.ts";
import { refuseUnified, unifiedV2 } from "../host/cgroup/unified.ts";
import type { BlockIoLimit, CgroupResources } from "../host/host.ts";
import type { CgroupAbilities } from "./cgroup-abilities.ts";
import type { SpecDeviceRule, SpecResources, SpecThrottle } from "./runtime-spec.ts";

export interface ResourceInput {
  readonly privileged: boolean;
  readonly resources: CgroupResources;
  readonly abilities: CgroupAbilities;
  readonly cgroupVersion: 1 | 2;
  /** Access to single devices, for who has not all. */
  readonly devices: readonly SpecDeviceRule[];
}

const DEFAULT_PERIOD_US = 100_000;

export function specResources(input: ResourceInput): SpecResources {
  const { pids, blockIo = [] } = input.resources;
  const v2 = input.cgroupVersion === 2;
  if (!v2) refuseUnified(input.resources);
  const cpu = specCpu(input.resources, v2);
  const memory = specMemory(input.resources, input.abilities.swap);
  const hugepages = specHugepages(input.resources, input.abilities.hugetlb);
  return {
    devices: [...deviceRules(input.privileged), ...input.devices],
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(memory ? { memory } : {}),
    ...(pids !== undefined && pids > 0 ? { pids: { limit: pids } } : {}),
    ...(blockIo.length > 0 ? { blockIO: throttles(blockIo) } : {}),
    ...(hugepages.length > 0 ? { hugepageLimits: hugepages } : {}),
    ...(v2 ? { unified: unified(input.resources) } : {}),
  };
}

function specCpu(resources: CgroupResources, v2: boolean): NonNullable<SpecResources["cpu"]> {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, cpusetCpus, cpusetMems } = resources;
  return {
    ...(v2 || cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(cpuQuotaUs === undefined ? {} : { quota: cpuQuotaUs, period: DEFAULT_PERIOD_US }),
    ...(cpuPeriodUs === undefined ? {} : { period: cpuPeriodUs }),
    ...(cpusetCpus === undefined ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === undefined ? {} : { mems: cpusetMems }),
  };
}

/** With a memory limit alone no swap may be used, where the host can tell: the sum's limit is the memory's (as the kubelet). */
function specMemory(resources: CgroupResources, swapController: boolean): SpecResources["memory"] {
  const { memoryBytes, memorySwapBytes } = resources;
  if (memoryBytes === undefined || memoryBytes <= 0) return undefined;
  return { limit: memoryBytes, ...(swapController ? { swap: memorySwapBytes ?? memoryBytes } : {}) };
}

/** The kubelet sends a limit of 0 for every size that the host has (GetHugepageLimitsFromResources). */
function specHugepages(resources: CgroupResources, controller: boolean): NonNullable<SpecResources["hugepageLimits"]> {
  const { hugepages = [] } = resources;
  const asked = controller ? undefined : hugepages.find(({ bytes }) => bytes > 0);
  if (asked) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot limit huge pages of ${asked.pageSize} to ${asked.bytes} bytes: this host's cgroup controller hugetlb is not there; see \`minke doctor\``,
      { reason: "CreateContainerError", details: { pageSize: asked.pageSize } },
    );
  }
  return controller ? hugepages.map(({ pageSize, bytes }) => ({ pageSize, limit: bytes })) : [];
}

/**
 * Files of cgroup v2 that are written as they are. The weight, because runtimes convert shares in two ways (crun before 1.23
 * linearly), and our own cgroups and later changes of this one must mean the same by the same shares. And the kernel kills a
 * container for memory as a whole, as the kubelet has it on v2 (kuberuntime_container_linux.go: singleProcessOOMKill false).
 */
function unified(resources: CgroupResources): Readonly<Record<string, string>> {
  const { cpuShares } = resources;
  return {
    "memory.oom.group": "1",
    ...(cpuShares === undefined ? {} : { "cpu.weight": String(weightOfShares(cpuShares)) }),
    ...Object.fromEntries(unifiedV2(resources).map(({ file, value }) => [file, value])),
  };
}

/** Nothing, or all. crun itself allows what every container needs: null, zero, full, random, urandom, tty, the ptys, mknod. */
function deviceRules(privileged: boolean): readonly SpecDeviceRule[] {
  return [{ allow: privileged, type: "a", access: "rwm" }];
}

function throttles(limits: readonly BlockIoLimit[]): NonNullable<SpecResources["blockIO"]> {
  const list = (rateOf: (limit: BlockIoLimit) => number | undefined): readonly SpecThrottle[] =>
    limits.flatMap((limit) => {
      const rate = rateOf(limit);
      return rate === undefined ? [] : [{ ...parseDevice(limit.device), rate }];
    });
  return {
    throttleReadBpsDevice: list((limit) => limit.readBps),
    throttleWriteBpsDevice: list((limit) => limit.writeBps),
    throttleReadIOPSDevice: list((limit) => limit.readIops),
    throttleWriteIOPSDevice: list((limit) => limit.writeIops),
  };
}

function parseDevice(device: string): { readonly major: number; readonly minor: number } {
  const match = /^(\d+):(\d+)$/.exec(device);
  if (!match) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot limit block I/O of device "${device}": it is not of the form major:minor; see lsblk for the numbers`,
      { reason: "CreateContainerConfigError", details: { device } },
    );
  }
  return { major: Number(match[1]), minor: Number(match[2]) };
}
