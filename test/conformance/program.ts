/** Programs that a conformance run starts and ends: the registry, and the runtimes under test. */
import type { ChildProcess } from "node:child_process";
import { delimiter, join } from "node:path";
import { accessSync, constants } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds until a program that was started must answer. */
const START_MS_MAX = 60_000;
/** Milliseconds between SIGTERM and SIGKILL. */
const END_MS_MAX = 30_000;
/** How much of a program's output is kept for an error message. */
const OUTPUT_CHARS_MAX = 8_000;

/** The file that a name on the PATH means; undefined when there is none. */
export function onPath(program: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // the next folder
    }
  }
  return undefined;
}

/** Collects what a program writes; the last part of it. */
export function outputOf(child: ChildProcess): () => string {
  let text = "";
  const keep = (chunk: string): void => void (text = (text + chunk).slice(-OUTPUT_CHARS_MAX));
  child.stdout?.setEncoding("utf8").on("data", keep);
  child.stderr?.setEncoding("utf8").on("data", keep);
  return () => text;
}

/** Waits until `ready` holds; a rejection counts as not yet. Throws with the program's output when it ends before. */
export async function until(
  ready: () => Promise<boolean>,
  what: string,
  child: ChildProcess,
  output: () => string,
): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  let failure: Error | undefined;
  child.once("error", (error) => (failure = error));
  for (;;) {
    if (await ready().catch(() => false)) return;
    if (failure) throw new Error(`Cannot start ${what}: ${failure.message}`);
    if (child.exitCode !== null) throw new Error(`Cannot start ${what}: it ended with ${child.exitCode}\n${output()}`);
    if (performance.now() > deadline) throw new Error(`Cannot start ${what}: it does not answer\n${output()}`);
    await pause(50);
  }
}

/** Ends a program by SIGTERM, and by SIGKILL when that is not heeded. */
export async function endOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
  await ended;
  clearTimeout(timer);
}
