/** What is measured of each subject. Absent = this subject has no such thing. */
export interface Figures {
  startMs: number[];
  stopMs?: number[];
  burstPerSecond?: number;
  burstUp?: number;
  crashMs?: number[];
  execMs?: number[];
  idleCpuPercent?: number;
  idleRssMb?: number;
  podMemoryMb?: number;
  bootMs?: number;
}

export interface BenchImage {
  /** Root file system directory of a static busybox. */
  readonly rootfs: string;
  readonly tar: string;
}

export interface Subject {
  readonly image: BenchImage;
  readonly rounds: number;
  readonly burst: number;
  readonly log: (line: string) => void;
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? undefined : sorted[Math.floor(sorted.length / 2)];
}

/** The value that so many percent do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** A command that heeds TERM at once even as process 1, and tells its start by a line in /out. */
export const COMMAND = ["/bin/sh", "-c", "trap 'exit 0' TERM; echo up >> /out/$NAME; sleep 86400 & wait $!"] as const;
