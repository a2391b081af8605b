/** Limits of a container's cgroup in the words of the OCI spec. Pure. */
import { MinkeError } from "../base/errors.ts";
import type { BlockIoLimit, CgroupResources } from "../host/host.ts";
import type { SpecDeviceRule, SpecResources, SpecThrottle } from "./runtime-spec.ts";

export interface ResourceInput {
  readonly privileged: boolean;
  readonly resources: CgroupResources;
  /** Whether the host accounts swap per cgroup: v1 memory.memsw.limit_in_bytes or v2 memory.swap.max exists. */
  readonly swapController: boolean;
}

const DEFAULT_PERIOD_US = 100_000;

/** With a memory limit no swap may be used, where the host can tell: the sum's limit is the memory's (as the kubelet). */
export function specResources(input: ResourceInput): SpecResources {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryBytes, pids, blockIo = [] } = input.resources;
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
