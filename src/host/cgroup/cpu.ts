/** CPU time: the `cpu` controller. */
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

const PERIOD_US = 100_000;
/** Bounds of cpu.shares in the kernel. */
const SHARES_MIN = 2;
const SHARES_MAX = 262_144;

export function cpuV1({ cpuShares, cpuQuotaUs, cpuPeriodUs }: CgroupResources): ControlWrite[] {
  const writes: ControlWrite[] = [];
  if (cpuShares !== undefined) writes.push({ file: "cpu.shares", value: String(cpuShares), field: "cpuShares" });
  if (cpuPeriodUs !== undefined) {
    // The kernel checks each write against the other value: lift the quota first, so that any order is valid.
    if (cpuQuotaUs !== undefined) writes.push({ file: "cpu.cfs_quota_us", value: "-1", field: "cpuQuotaUs" });
    writes.push({ file: "cpu.cfs_period_us", value: String(cpuPeriodUs), field: "cpuPeriodUs" });
  }
  if (cpuQuotaUs !== undefined) {
    writes.push({ file: "cpu.cfs_quota_us", value: String(cpuQuotaUs), field: "cpuQuotaUs" });
  }
  return writes;
}

export function cpuV2({ cpuShares, cpuQuotaUs, cpuPeriodUs }: CgroupResources): ControlWrite[] {
  const writes: ControlWrite[] = [];
  if (cpuShares !== undefined) {
    writes.push({ file: "cpu.weight", value: String(weightOfShares(cpuShares)), field: "cpuShares" });
  }
  if (cpuQuotaUs !== undefined || cpuPeriodUs !== undefined) {
    const quota = cpuQuotaUs === undefined || cpuQuotaUs < 0 ? "max" : String(cpuQuotaUs);
    writes.push({ file: "cpu.max", value: `${quota} ${cpuPeriodUs ?? PERIOD_US}`, field: "cpuQuotaUs" });
  }
  return writes;
}

/**
 * Shares (v1, 2 … 262144) as a weight (v2, 1 … 10000), so that 1024 shares, one CPU, are the default weight 100.
 * opencontainers/cgroups 0.0.6 (ConvertCPUSharesToCgroupV2Value); runc ≥ 1.3.2 and crun ≥ 1.23 do the same.
 */
export function weightOfShares(shares: number): number {
  if (shares <= SHARES_MIN) return 1;
  if (shares >= SHARES_MAX) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}
