/**
 * Paths that a container which is not privileged must not see (masked) or write (read-only).
 * Kubernetes: procMount Default, pkg/securitycontext/util.go.
 */

const MASKED: readonly string[] = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

export const DEFAULT_READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/**
 * What is masked by default. The thermal throttle counters exist once per CPU, so the number of CPUs decides how many there
 * are; 0 leaves them out.
 */
export function defaultMaskedPaths(cpus = 0): readonly string[] {
  const throttle = Array.from({ length: cpus }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`);
  return [...MASKED, ...throttle];
}
