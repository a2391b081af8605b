/**
 * A hand-written fake of the host for tests of the layers above: namespaces, mounts and cgroups live in memory, and
 * programs are functions. It keeps the contract of `host.ts` (test/contract/host.test.ts runs against it), so that what
 * works on it is not refused by the real thing for a reason that the contract names.
 */
import { basename, dirname, join } from "node:path";
import { PassThrough, Writable } from "node:stream";

import { MinkeError } from "../base/errors.ts";
import { CGROUP_PLACES } from "./cgroup/driver.ts";
import type {
  CgroupHost,
  CgroupResources,
  ChildStream,
  Command,
  Completed,
  Host,
  MountHost,
  MountRequest,
  NamespaceHost,
  PinnedNamespace,
  ProcessHost,
} from "./host.ts";

/** What a program does; what it leaves out is exit code 0 and no output. Found by the base name of `argv[0]`. */
export type FakeProgram = (command: Command) => Partial<Completed> | Promise<Partial<Completed>>;

export interface FakeNamespace {
  readonly kind: PinnedNamespace;
  readonly inode: number;
  readonly hostname?: string;
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface FakeMount {
  readonly target: string;
  readonly type: string;
  readonly source: string;
  readonly request?: MountRequest;
}

export interface FakeProcess {
  readonly startTime: number;
  /** Signals it was sent, in order. SIGKILL also removes it. */
  readonly signals: NodeJS.Signals[];
}

export interface FakeCgroup {
  resources: CgroupResources;
  /** Processes directly in it. A test puts them there. */
  readonly pids: Set<number>;
  oomKills: number;
}

export interface FakeHost extends Host {
  /** Programs by base name; a test may add and replace. A program that is not there ends with code 127. */
  readonly programs: Map<string, FakeProgram>;
  /** Every command that was run or streamed, in order. */
  readonly commands: Command[];
  /** Running processes by pid. */
  readonly processes: Map<number, FakeProcess>;
  readonly namespaces: Map<string, FakeNamespace>;
  /** In the order of their mounting. */
  readonly mounts: FakeMount[];
  readonly cgroups: Map<string, FakeCgroup>;
  /** Adds a running process, in a cgroup when one is named, and returns its pid. */
  startProcess(cgroup?: string): number;
}

/** The fake has no kernel to ask: sysctls of these trees exist, others do not. */
const SYSCTL_TREES = ["net.", "kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];
/** First pid and first inode number that are handed out. */
const FIRST_PID = 1000;
const FIRST_INODE = 4_026_532_000;

type State = Pick<FakeHost, "programs" | "commands" | "processes" | "namespaces" | "mounts" | "cgroups"> & {
  readonly watched: Map<number, () => void>;
  nextPid: number;
  nextInode: number;
};

export function createFakeHost(programs: Readonly<Record<string, FakeProgram>> = {}): FakeHost {
  const state: State = {
    programs: new Map(Object.entries(programs)),
    commands: [],
    processes: new Map(),
    namespaces: new Map(),
    mounts: [],
    cgroups: new Map(),
    watched: new Map(),
    nextPid: FIRST_PID,
    nextInode: FIRST_INODE,
  };
  return {
    ...state,
    process: fakeProcesses(state),
    namespace: fakeNamespaces(state),
    mount: fakeMounts(state),
    cgroup: fakeCgroups(state),
    startProcess: (cgroup) => {
      const pid = state.nextPid++;
      state.processes.set(pid, { startTime: pid * 10, signals: [] });
      if (cgroup !== undefined) cgroupOf(state, cgroup).pids.add(pid);
      return pid;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function fakeProcesses(state: State): ProcessHost {
  const run = async (command: Command): Promise<Completed> => {
    if (command.signal?.aborted) throw cancelled(command);
    state.commands.push(command);
    const program = state.programs.get(basename(command.argv[0]));
    if (!program) return { code: 127, stdout: "", stderr: `${command.argv[0]}: no such program` };
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(cancelled(command));
    command.signal?.addEventListener("abort", abort, { once: true });
    try {
      const result = await Promise.race([program(command), aborted]);
      return {
        code: 0,
        stdout: "",
        stderr: "",
        ...(command.syncPipeEnv === undefined ? {} : { sync: "" }),
        ...result,
      };
    } finally {
      command.signal?.removeEventListener("abort", abort);
    }
  };
  return {
    run,
    stream: (command) => fakeStream(run, command, state.nextPid++),
    kill: (pid, signal, startTime) => {
      const found = state.processes.get(pid);
      if (!found || (startTime !== undefined && startTime !== found.startTime)) return false;
      found.signals.push(signal);
      if (signal === "SIGKILL") endProcess(state, pid);
      return true;
    },
    watch: (pid, wake) => void (state.processes.has(pid) ? state.watched.set(pid, wake) : wake()),
    startTime: (pid) => state.processes.get(pid)?.startTime,
    sendDatagram: async () => {},
  };
}

function cancelled({ argv }: Command): MinkeError {
  return new MinkeError("Cancelled", `Cannot run ${argv.join(" ")}: it was cancelled`);
}

/** Runs the program when its input has ended, with all of that as its standard input. */
function fakeStream(run: ProcessHost["run"], command: Command, pid: number): ChildStream {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const killed = new AbortController();
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const input: Buffer[] = [];
  const start = async (): Promise<void> => {
    const result = await run({ ...command, stdin: Buffer.concat(input), signal: killed.signal }).catch(() => undefined);
    stdout.end(result?.stdout ?? "");
    stderr.end(result?.stderr ?? "");
    resolve(result?.code ?? 137);
  };
  const stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      input.push(chunk);
      done();
    },
    final: (done) => {
      void start();
      done();
    },
  });
  const kill = (): void => {
    killed.abort();
    stdin.end();
  };
  return { pid, stdin, stdout, stderr, exited, kill };
}

function endProcess(state: State, pid: number): void {
  state.processes.delete(pid);
  for (const { pids } of state.cgroups.values()) pids.delete(pid);
  state.watched.get(pid)?.();
  state.watched.delete(pid);
}

function fakeNamespaces(state: State): NamespaceHost {
  return {
    pin: async ({ paths, hostname, sysctls = {} }) => {
      for (const [name, value] of Object.entries(sysctls)) {
        if (SYSCTL_TREES.some((tree) => name.startsWith(tree))) continue;
        throw new MinkeError("InvalidArgument", `Cannot set sysctl ${name}=${value}: this kernel has no such sysctl`);
      }
      const wanted = Object.entries(paths) as [PinnedNamespace, string][];
      for (const [, path] of wanted) {
        if (!state.namespaces.has(path)) continue;
        throw new MinkeError("AlreadyExists", `Cannot pin a namespace at ${path}: there is one already; unpin it`);
      }
      for (const [kind, path] of wanted) {
        const named = kind === "uts" && hostname !== undefined ? { hostname } : {};
        state.namespaces.set(path, { kind, inode: state.nextInode++, sysctls, ...named });
      }
    },
    unpin: async (path) => void state.namespaces.delete(path),
    inode: async (path) => state.namespaces.get(path)?.inode,
  };
}

function fakeMounts(state: State): MountHost {
  const depth = ({ target }: FakeMount): number => target.split("/").length;
  return {
    mount: async (request) => {
      const { flags = [], target, type, source } = request;
      if (flags.includes("remount")) return;
      state.mounts.push({ target, type, source, request });
    },
    overlay: async ({ lower, target }) => {
      if (lower.length === 0) {
        throw new MinkeError("Internal", `Cannot mount an overlay on ${target}: it has no lower directory`);
      }
      state.mounts.push({ target, type: "overlay", source: "overlay" });
    },
    idmap: async ({ source, target }) => void state.mounts.push({ target, type: "idmapped", source }),
    unmount: async (target) => {
      for (let i = state.mounts.length - 1; i >= 0; i--) {
        if (isBelow(state.mounts[i]!.target, target)) state.mounts.splice(i, 1);
      }
    },
    peers: async (path) => {
      const flags = state.mounts.findLast(({ target }) => isBelow(path, target))?.request?.flags ?? [];
      if (flags.includes("shared") || flags.includes("rshared")) return "shared";
      return flags.includes("slave") || flags.includes("rslave") ? "slave" : "private";
    },
    list: async (prefix) =>
      state.mounts
        .filter(({ target }) => isBelow(target, prefix))
        .toReversed()
        .toSorted((a, b) => depth(b) - depth(a)),
  };
}

function isBelow(path: string, top: string): boolean {
  return path === top || path.startsWith(top === "/" ? "/" : `${top}/`);
}

function cgroupOf(state: State, path: string): FakeCgroup {
  const found = state.cgroups.get(path);
  if (found) return found;
  throw new MinkeError("NotFound", `Cannot use cgroup ${path}: there is none`);
}

function fakeCgroups(state: State): CgroupHost {
  const below = (path: string): string[] => [...state.cgroups.keys()].filter((name) => isBelow(name, path));
  const pidsBelow = (path: string): number[] => below(path).flatMap((name) => [...state.cgroups.get(name)!.pids]);
  return {
    ...CGROUP_PLACES.cgroupfs,
    placesOf: (path) => [path],
    version: 2,
    prepare: async () => [],
    create: async (path, resources) => {
      for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
        if (!state.cgroups.has(parent)) state.cgroups.set(parent, { resources: {}, pids: new Set(), oomKills: 0 });
      }
      const old = state.cgroups.get(path) ?? { resources: {}, pids: new Set<number>(), oomKills: 0 };
      state.cgroups.set(path, { ...old, resources: { ...old.resources, ...resources } });
    },
    update: async (path, resources) => {
      const cgroup = cgroupOf(state, path);
      cgroup.resources = { ...cgroup.resources, ...resources };
    },
    exists: async (path) => state.cgroups.has(path),
    kill: async (path) => {
      for (const pid of pidsBelow(path)) {
        state.processes.get(pid)?.signals.push("SIGKILL");
        endProcess(state, pid);
      }
    },
    hold: async () => {},
    processes: async (path) => pidsBelow(path),
    remove: async (path) => {
      const pids = pidsBelow(path);
      if (pids.length > 0) {
        throw new MinkeError(
          "FailedPrecondition",
          `Cannot remove cgroup ${path}: processes ${pids.join(", ")} are still in it`,
        );
      }
      for (const name of below(path)) state.cgroups.delete(name);
    },
    children: async (path) => below(path).filter((name) => name === join(path, basename(name))),
    stats: async (path) => {
      const cgroup = state.cgroups.get(path);
      if (!cgroup) return undefined;
      const limit = cgroup.resources.memoryBytes;
      return {
        cpuUsageNs: 0,
        memoryUsageBytes: 0,
        memoryWorkingSetBytes: 0,
        memoryRssBytes: 0,
        ...(limit === undefined || limit < 0 ? {} : { memoryLimitBytes: limit }),
        pids: pidsBelow(path).length,
        oomKills: below(path).reduce((sum, name) => sum + state.cgroups.get(name)!.oomKills, 0),
      };
    },
  };
}
