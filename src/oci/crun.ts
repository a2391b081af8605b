/**
 * The driver of crun, or of any program with runc's command line. All state it keeps lies below its own root, so that two
 * instances, or a crun used by hand, never meet.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";

import { MinkeError } from "../base/errors.ts";
import type { Completed, Host } from "../host/host.ts";

export interface CrunOptions {
  readonly host: Pick<Host, "process">;
  /** Directory of crun's own state, on a file system that a reboot clears. */
  readonly root: string;
  /** Absolute path of the program. */
  readonly binary: string;
}

export type OciStatus = "creating" | "created" | "running" | "stopped" | "paused";

export interface OciState {
  readonly status: OciStatus;
  readonly pid: number;
}

export interface Crun {
  readonly binary: string;
  /** Directory of its state, one entry per container. */
  readonly root: string;
  /** What stands before the verb: root and cgroup manager. */
  readonly globalArgs: readonly string[];
  /** Lets a created container's process run. Rejects with crun's own words. */
  start(id: string, signal?: AbortSignal): Promise<void>;
  /** Sends a signal (name or number) to the container's first process. No error when it is gone. */
  kill(id: string, signal: string): Promise<void>;
  /** Removes crun's record and the cgroup; `force` kills first. No error when it is unknown. */
  delete(id: string, options?: { readonly force: boolean }): Promise<void>;
  /**
   * What `delete` does for a container that has ended and left no process and no cgroup to remove: crun and runc then only
   * remove their record, which needs no process of its own. Of another runtime it is asked.
   */
  forget(id: string): Promise<void>;
  /** undefined when crun does not know the container. */
  state(id: string): Promise<OciState | undefined>;
  /** Whether a container that crun knows waits for its start: crun and runc keep a fifo until then. Costs no process. */
  waitsForStart(id: string): boolean;
  /** The command that runs the OCI process of `processFile` inside a container, its pid written to `pidFile`. */
  execCommand(id: string, processFile: string, pidFile: string): readonly [string, ...string[]];
  /** Creates and starts the container of `bundle`, with no monitor. */
  runDetached(id: string, bundle: string, pidFile: string, signal?: AbortSignal): Promise<void>;
}

/** Milliseconds until a call of crun, which takes a few of them, is taken to hang and is killed. */
const TIMEOUT_MS = 30_000;

/** Runtimes that keep of a container that has ended nothing but a folder below their root. */
const KEEPS_ONLY_A_RECORD: ReadonlySet<string> = new Set(["crun", "runc"]);

/** A driver for one crun root. */
export function createCrun(options: CrunOptions): Crun {
  const { host, root, binary } = options;
  // Cgroups by hand, which is all that runc does unless it is told otherwise; only crun knows this option.
  const manager = basename(binary).startsWith("crun") ? ["--cgroup-manager", "cgroupfs"] : [];
  const globalArgs = ["--root", root, ...manager];
  const run = (args: readonly string[], signal?: AbortSignal): Promise<Completed> =>
    host.process.run({
      argv: [binary, ...globalArgs, ...args],
      env: RUNTIME_ENV,
      timeoutMs: TIMEOUT_MS,
      ...(signal ? { signal } : {}),
    });

  const remove = async (id: string, flags: readonly string[]): Promise<void> => {
    const done = await run(["delete", ...flags, id]);
    if (!isGone(done)) succeed(done, "delete", id);
  };

  return {
    binary,
    root,
    globalArgs,
    start: async (id, signal) => void succeed(await run(["start", id], signal), "start", id),
    kill: async (id, signal) => {
      const done = await run(["kill", id, signal]);
      if (!isGone(done)) succeed(done, "kill", id);
    },
    delete: async (id, { force } = { force: false }) => await remove(id, force ? ["--force"] : []),
    forget: async (id) => {
      if (KEEPS_ONLY_A_RECORD.has(basename(binary))) await rm(join(root, id), { recursive: true, force: true });
      else await remove(id, ["--force"]);
    },
    state: async (id) => {
      const done = await run(["state", id]);
      if (isGone(done)) return undefined;
      return parseState(succeed(done, "state", id), id);
    },
    waitsForStart: (id) => existsSync(join(root, id, "exec.fifo")),
    execCommand: (id, processFile, pidFile) => [
      binary,
      ...globalArgs,
      "exec",
      "--process",
      processFile,
      "--pid-file",
      pidFile,
      id,
    ],
    runDetached: async (id, bundle, pidFile, signal) => {
      const args = ["run", "--detach", "--bundle", bundle, "--pid-file", pidFile, id];
      succeed(await run(args, signal), "run", id);
    },
  };
}

/** crun and conmon look for nothing but programs in their environment. */
export const RUNTIME_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

/** What crun or runc says, in one line and without the prefix of program, level and time. */
export function crunMessage(stderr: string): string {
  const lines = stderr.split("\n").map((line) =>
    logMessage(line.trim())
      .replace(/^\S+ \[crun\S*\]: /, "")
      .replace(/^(\d{4}-\d\d-\d\dT\S+: )?/, "")
      .replace(/^(runc \w+|exec) failed: (unable to start container process: )?/, ""),
  );
  return lines.filter((line) => line !== "").join("; ") || "no reason given";
}

/** runc logs `time="…" level=error msg="…"`, quoted as Go does. */
function logMessage(line: string): string {
  const quoted = /^time="[^"]*" level=\w+ msg=("(?:[^"\\]|\\.)*")$/.exec(line)?.[1];
  return quoted === undefined ? line : quoted.slice(1, -1).replaceAll(/\\(["\\])/g, "$1");
}

/** As a shell has it: 127 when a command is not there, 126 when it is and can not be executed. */
export const NOT_FOUND_EXIT = 127;
const NOT_EXECUTABLE_EXIT = 126;

/**
 * The exit code that crun's or runc's words about a command's file stand for; undefined when they are about something else.
 * They themselves end with 255 for all of it. Facts: crun 1.8 and 1.21, runc 1.1.
 */
export function commandFailureExit(why: string): number | undefined {
  if (NOT_FOUND.test(why)) return NOT_FOUND_EXIT;
  return NOT_EXECUTABLE.test(why) ? NOT_EXECUTABLE_EXIT : undefined;
}

const NOT_FOUND = /^executable file .* not found|^exec: ".*": (executable file not found|stat .*: no such file)/;
const NOT_EXECUTABLE =
  /^open executable: |^the path .* exists but it is not executable|^exec(?: container process|:)? [`'"].*[`'"]: |exec format error/i;

function isGone(done: Completed): boolean {
  return done.code !== 0 && /does not exist|error opening file .*status.*: No such file/i.test(done.stderr);
}

function succeed(done: Completed, verb: string, id: string): string {
  if (done.code === 0) return done.stdout;
  const why = done.code === 127 && done.stderr === "" ? "the program is not installed" : crunMessage(done.stderr);
  throw new MinkeError("Internal", `Cannot ${verb} container ${id.slice(0, 12)}: ${why}`, {
    details: { verb, id, exitCode: done.code, stderr: done.stderr },
  });
}

function parseState(json: string, id: string): OciState {
  try {
    const state = JSON.parse(json) as { status: OciStatus; pid?: number };
    return { status: state.status, pid: state.pid ?? 0 };
  } catch (cause) {
    throw new MinkeError("Internal", `Cannot read the state of container ${id.slice(0, 12)}: crun printed no JSON`, {
      cause,
      details: { json },
    });
  }
}
