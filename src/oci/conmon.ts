/**
 * The driver of conmon, the monitor that every container has: it holds the standard streams or the pseudo-terminal,
 * writes the log, and leaves an exit file. It outlives the daemon, and it is never in a container's cgroup, so an
 * out-of-memory kill can not take it.
 *
 * Facts (conmon 2.1.6): without `--sync` it forks itself away and drops our standard streams; through the pipe that
 * `_OCI_SYNCPIPE` names it writes one JSON line, `{"data": N}` with the container's pid, or `{"data": -1, "message": …}` when
 * `crun create` failed (with `--api-version 0` the key is `pid`).
 * In the bundle it makes `attach` (SOCK_SEQPACKET), the fifo `ctl` and, when the kernel killed for memory, the file `oom`.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

import { MinkeError, errnoOf } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { RUNTIME_ENV, crunMessage } from "./crun.ts";
import type { Crun } from "./crun.ts";

export interface ConmonOptions {
  readonly host: Pick<Host, "process">;
  readonly crun: Pick<Crun, "binary" | "globalArgs">;
  /** Absolute path of the program. */
  readonly binary: string;
  /** Where exit files go, named by container id. */
  readonly exitDir: string;
}

export interface LaunchRequest {
  readonly id: string;
  readonly name: string;
  /** Holds config.json; sockets, fifos and pid files are put here too. */
  readonly bundle: string;
  /** Absolute path of the CRI log file; empty = no log. */
  readonly logPath: string;
  readonly terminal: boolean;
  readonly stdin: boolean;
  /** Keep the process' standard input open when an attached client leaves. */
  readonly leaveStdinOpen: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Launched {
  /** Of the container's first process, which waits for `crun start`. */
  readonly pid: number;
  readonly conmonPid: number;
}

export interface Conmon {
  /** Starts the monitor, which runs `crun create`. Rejects with crun's own words when that fails. */
  launch(request: LaunchRequest): Promise<Launched>;
  /**
   * Kills the monitor of a container that is given up, with the `crun create` that it may be waiting for. No error when
   * there is none.
   */
  abandon(id: string, bundle: string): void;
  /** The command that runs a process with a terminal inside a container, for the attach bridge to start. */
  execCommand(id: string, directory: string, processFile: string): readonly [string, ...string[]];
  /** Sets the terminal's size, in the order of the calls. A monitor that is gone is no error; one without its terminal yet forgets it. */
  resize(bundle: string, width: number, height: number): void;
  /** Makes the monitor open its log file anew, after it was renamed. A monitor that is gone is no error. */
  reopenLog(bundle: string): void;
  /** The first line of `--version`. */
  version(): Promise<string>;
}

/**
 * Milliseconds until a launch is taken to hang. One does when `crun create` is killed after it has made the process, which
 * keeps crun's standard error open: conmon waits for its end.
 */
const LAUNCH_TIMEOUT_MS = 30_000;
/** conmon refuses a terminal of more than this in either direction. */
const TERMINAL_CELLS_MAX = 1000;

/** Names of the files in a bundle. */
export const BUNDLE_FILES = {
  pid: "pid",
  conmonPid: "conmon.pid",
  oom: "oom",
  attach: "attach",
  control: "ctl",
} as const;

/** A driver for one exit directory. */
export function createConmon(options: ConmonOptions): Conmon {
  const { host, crun, binary, exitDir } = options;
  const common = (id: string, directory: string): string[] => [
    "--api-version=1",
    `--cid=${id}`,
    `--cuuid=${id}`,
    `--runtime=${crun.binary}`,
    `--bundle=${directory}`,
    "--full-attach",
    `--container-pidfile=${join(directory, BUNDLE_FILES.pid)}`,
    ...crun.globalArgs.map((arg) => `--runtime-arg=${arg}`),
  ];
  return {
    launch: async (request) => {
      const { id, bundle } = request;
      const argv: [string, ...string[]] = [binary, ...common(id, bundle), `--name=${request.name}`];
      argv.push(`--exit-dir=${exitDir}`, `--conmon-pidfile=${join(bundle, BUNDLE_FILES.conmonPid)}`);
      argv.push(`--log-path=${request.logPath === "" ? "none" : `k8s-file:${request.logPath}`}`, "--no-sync-log");
      if (request.terminal) argv.push("--terminal");
      if (request.stdin) argv.push("--stdin");
      if (request.leaveStdinOpen) argv.push("--leave-stdin-open");
      const { signal } = request;
      const done = await host.process.run({
        argv,
        env: RUNTIME_ENV,
        cwd: bundle,
        syncPipeEnv: "_OCI_SYNCPIPE",
        timeoutMs: LAUNCH_TIMEOUT_MS,
        ...(signal ? { signal } : {}),
      });
      const pid = createdPid(done.sync, done.code, done.stderr, id);
      return { pid, conmonPid: await readPid(join(bundle, BUNDLE_FILES.conmonPid)) };
    },
    abandon: (id, bundle) => {
      const pid = monitorOf(id, bundle);
      // conmon leads a session of its own, in which crun is.
      if (pid !== undefined) host.process.kill(-pid, "SIGKILL");
    },
    execCommand: (id, directory, processFile) => [
      binary,
      ...common(id, directory),
      `--runtime-arg=--log=${join(directory, "crun.log")}`,
      "--exec",
      "--exec-attach",
      `--exec-process-spec=${processFile}`,
      "--terminal",
      "--stdin",
      "--log-path=none",
    ],
    resize: (bundle, width, height) => {
      const clamp = (cells: number): number => Math.max(0, Math.min(TERMINAL_CELLS_MAX, Math.trunc(cells)));
      control(bundle, `1 ${clamp(height)} ${clamp(width)}\n`);
    },
    reopenLog: (bundle) => control(bundle, "2 0 0\n"),
    version: async () => {
      const done = await host.process.run({ argv: [binary, "--version"] });
      return done.stdout.split("\n")[0] ?? "";
    },
  };
}

/** The pid of the sync line, or the failure that it tells. */
function createdPid(line: string | undefined, code: number, stderr: string, id: string): number {
  let message = stderr;
  try {
    const told = JSON.parse(line ?? "") as { data?: number; pid?: number; message?: string };
    const pid = told.data ?? told.pid ?? -1;
    if (pid > 0) return pid;
    message = told.message ?? stderr;
  } catch {
    if (code === 127 && stderr === "") message = "conmon is not installed";
  }
  throw new MinkeError("Internal", `Cannot create container ${id.slice(0, 12)}: ${crunMessage(message)}`, {
    details: { id, exitCode: code, runtimeMessage: crunMessage(message) },
  });
}

/** The pid that conmon has left, unless another process has it by now. */
function monitorOf(id: string, bundle: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(bundle, BUNDLE_FILES.conmonPid), "utf8"), 10);
    return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`--cid=${id}\0`) ? pid : undefined;
  } catch {
    return undefined; // it never came to run, or has ended
  }
}

async function readPid(path: string): Promise<number> {
  const file = await open(path);
  try {
    return Number.parseInt(await file.readFile("utf8"), 10);
  } finally {
    await file.close();
  }
}

/** Writes one line to the monitor's fifo. Non-blocking, for a fifo without a reader would block us for ever. */
function control(bundle: string, line: string): void {
  try {
    const fifo = openSync(join(bundle, BUNDLE_FILES.control), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fifo, line);
    } finally {
      closeSync(fifo);
    }
  } catch (error) {
    if (!["ENXIO", "ENOENT", "EPIPE", "EAGAIN"].includes(errnoOf(error) ?? "")) throw error;
  }
}
