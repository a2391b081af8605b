/** Small things that every subject measures with. */
import { execFile, spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

export const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function installed(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

export async function run(
  program: string,
  args: readonly string[],
  options: { ok?: boolean; input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { maxBuffer: 16 << 20, env: options.env ?? process.env },
      (error, stdout, stderr) => {
        if (error && !options.ok) reject(new Error(`${program} ${args.join(" ")}: ${stderr || error.message}`));
        else resolve(stdout);
      },
    );
    // A program that does not read its input may be gone before it is written.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
  });
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Polls a cheap condition each millisecond; for moments that have no event to wait for. */
export async function until(condition: () => boolean, what: string, timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Timed out waiting for ${what}`);
    await pause(1);
  }
}

/** CPU seconds (user and system) of a process and, with `children`, of its living children. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}

/** Kilobytes of a field of /proc/PID/smaps_rollup or status; 0 when the process is gone. */
export function memoryKb(pid: number, field: "Rss" | "Pss"): number {
  try {
    return Number(
      new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0,
    );
  } catch {
    return 0;
  }
}

/** Pids whose command name is `name` and whose command line holds `part`. */
export function pidsOf(name: string, part = ""): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name &&
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(part)
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}
