/** Limits of a container's cgroup in the words of the OCI spec. Pure. */
import { MinkeError } from "../base/errors.ts";
import { weightOfShares } from "../host/cgroup/cpu.ts";
import type { BlockIoLimit, CgroupResources } from "../host/host.ts";
import type { SpecDeviceRule, SpecResources, SpecThrottle } from "./runtime-spec.ts";

export interface ResourceInput {
  readonly privileged: boolean;
  readonly resources: CgroupResources;
  /** Whether the host accounts swap per cgroup: v1 memory.memsw.limit_in_bytes or v2 memory.swap.max exists. */
  readonly swapController: boolean;
  readonly cgroupVersion: 1 | 2;
}

const DEFAULT_PERIOD_US = 100_000;

/** With a memory limit no swap may be used, where the host can tell: the sum's limit is the memory's (as the kubelet). */
export function specResources(input: ResourceInput): SpecResources {
  const { cpuQuotaUs, cpuPeriodUs, memoryBytes, pids, blockIo = [] } = input.resources;
  const v2 = input.cgroupVersion === 2;
  const cpuShares = v2 ? undefined : input.resources.cpuShares;
  const limited = memoryBytes !== undefined && memoryBytes > 0;
  return {
    devices: deviceRules(input.privileged),
    ...(cpuShares !== undefined || cpuQuotaUs !== undefined
      ? {
          cpu: {
            ...(cpuShares === undefined ? {} : { shares: cpuShares }),
            ...(cpuQuotaUs === undefined ? {} : { quota: cpuQuotaUs, period: cpuPeriodUs ?? DEFAULT_PERIOD_US }),
          },
        }
      : {}),
    ...(limited ? { memory: { limit: memoryBytes, ...(input.swapController ? { swap: memoryBytes } : {}) } } : {}),
    ...(pids !== undefined && pids > 0 ? { pids: { limit: pids } } : {}),
    ...(blockIo.length > 0 ? { blockIO: throttles(blockIo) } : {}),
    ...(v2 ? { unified: unified(input.resources) } : {}),
  };
}

/**
 * Files of cgroup v2 that are written as they are. The weight, because runtimes convert shares in two ways (crun before 1.23
 * linearly), and our own cgroups and later changes of this one must mean the same by the same shares. And the kernel kills a
 * container for memory as a whole, as the kubelet has it on v2 (kuberuntime_container_linux.go: singleProcessOOMKill false).
 */
function unified({ cpuShares }: CgroupResources): Readonly<Record<string, string>> {
  return {
    "memory.oom.group": "1",
    ...(cpuShares === undefined ? {} : { "cpu.weight": String(weightOfShares(cpuShares)) }),
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
