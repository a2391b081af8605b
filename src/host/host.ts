/**
 * The contract of the host layer: the only code that touches the kernel or starts a process.
 *
 * Everything above asks these few interfaces, so that a test can put a hand-written fake (`fake.ts`) below any layer, and
 * one contract suite (`test/contract/host.test.ts`) runs against the fake and the real thing.
 *
 * How the real one works: Node has no `mount(2)`, `unshare(2)` or `setns(2)`, and a spawn from a process of 100 MB costs
 * 2–3 ms of the main thread. So one small Perl process (perl-base, which every Debian and Ubuntu has), the *agent*, makes
 * the system calls and starts the short-lived programs; Node talks to it over a pipe. It holds no state: when the daemon
 * dies it sees the end of its input and exits; when it dies the next call starts another.
 */

import type { CgroupDriver } from "./cgroup/driver.ts";

/** A program to run to its end. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment of the child; default: `PATH` only. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  /** Network namespace (a pinned path) to enter before the program starts; default: the host's. */
  readonly netns?: string;
  /** Milliseconds until the child is killed and the call rejects with `DeadlineExceeded`; default 120,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * Name of an environment variable (conmon's `_OCI_SYNCPIPE`) that is set to the number of an extra pipe. The call then
   * resolves when the child has ended **and** one line has come through that pipe or it was closed.
   */
  readonly syncPipeEnv?: string;
}

/** How a program ended. A non-zero `code` is not an error here: the caller knows what it means. */
export interface Completed {
  /** Exit code; 128 + n when killed by signal n; 127 when the program does not exist. */
  readonly code: number;
  /** At most 1 MiB each; the rest is dropped. */
  readonly stdout: string;
  readonly stderr: string;
  /** The line that came through the sync pipe, without its newline; undefined without `syncPipeEnv`. */
  readonly sync?: string;
}

/** A long-lived child with pipes: `crun exec`, `tar`, the attach bridge. */
export interface ChildStream {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /** Resolves with the exit code (128 + n when killed by signal n) when the child is gone and its output has ended. */
  readonly exited: Promise<number>;
  /** Sends a signal to the child; no error when it is gone. */
  kill(signal: NodeJS.Signals): void;
}

/** Starting and watching processes. */
export interface ProcessHost {
  /** Runs to the end. Rejects with a MinkeError only when the child can not be started, timed out or was aborted. */
  run(command: Command): Promise<Completed>;
  /** Starts a child whose streams the caller handles. */
  stream(command: Pick<Command, "argv" | "env" | "cwd" | "netns">): ChildStream;
  /** Sends a signal; false when there is no such process. `startTime` guards against a reused pid. */
  kill(pid: number, signal: NodeJS.Signals, startTime?: number): boolean;
  /** Calls `wake` once when a process that need not be a child of ours has ended. A hint: it may stay away. */
  watch(pid: number, wake: () => void): void;
  /** The start time of a process in clock ticks since boot (field 22 of /proc/PID/stat); undefined when it is gone. */
  startTime(pid: number): number | undefined;
  /**
   * Sends one datagram to a unix socket, `@` first for an abstract name. The sender is a process that lives on: systemd
   * drops a message whose sender has ended. Rejects with `Unavailable`.
   */
  sendDatagram(socket: string, message: string): Promise<void>;
}

/** The namespaces that a Pod pins. */
export const PINNED_NAMESPACES = ["net", "ipc", "uts", "user"] as const;
export type PinnedNamespace = (typeof PINNED_NAMESPACES)[number];

/** One range of ids: `size` ids from `containerId` on inside are those from `hostId` on outside. */
export interface IdMapping {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

/** The ids of a user namespace (user_namespaces(7)). */
export interface UserNamespace {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

export interface PinRequest {
  /** Where to bind each new namespace; a kind that is left out is not made. The files are created, 0600. */
  readonly paths: Readonly<Partial<Record<PinnedNamespace, string>>>;
  /** Ids of the new user namespace, which owns the others then. Needed when `paths` has `user`. */
  readonly user?: UserNamespace;
  /** Host name inside the new UTS namespace. */
  readonly hostname?: string;
  /** Sysctls to set inside, in dotted form. A failure rejects with `InvalidArgument` and names the sysctl. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** Namespaces that live as bind mounts, with no process holding them. */
export interface NamespaceHost {
  /** Makes new namespaces, brings `lo` up in a new net namespace, sets host name and sysctls, and pins them. All or nothing. */
  pin(request: PinRequest): Promise<void>;
  /** Unmounts and removes a pinned namespace file. No error when it is not there. */
  unpin(path: string): Promise<void>;
  /** The inode number of a namespace file (`/proc/1/ns/net`, a pinned path); undefined when it is not a namespace. */
  inode(path: string): Promise<number | undefined>;
}

export const MOUNT_FLAGS = [
  "ro",
  "rw",
  "nosuid",
  "nodev",
  "noexec",
  "bind",
  "rbind",
  "remount",
  "private",
  "rprivate",
  "slave",
  "rslave",
  "shared",
  "rshared",
  "noatime",
] as const;
export type MountFlag = (typeof MOUNT_FLAGS)[number];

export interface MountRequest {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly flags?: readonly MountFlag[];
  /** File system data such as `size=1048576,mode=1777`. */
  readonly data?: string;
}

export interface OverlayRequest {
  /** Lower directories, topmost first. More than one page of paths is handled. */
  readonly lower: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  readonly target: string;
  /** A pinned user namespace: shifts the owners of all that comes from the lower directories. */
  readonly userns?: string;
}

export interface IdmapRequest {
  readonly source: string;
  /** Must exist, a file for a file. */
  readonly target: string;
  /** A pinned user namespace. */
  readonly userns: string;
}

/** How the mounts below a mount travel to its copies in other mount namespaces (mount_namespaces(7)). */
export type MountPeers = "private" | "slave" | "shared";

export interface MountHost {
  /** Mounts; the target must exist. Rejects with a MinkeError that names source, target and errno. */
  mount(request: MountRequest): Promise<void>;
  overlay(request: OverlayRequest): Promise<void>;
  /**
   * Binds a file or directory, with what is mounted below it, so that owners are shifted as ids are in the user namespace.
   * Rejects with `FailedPrecondition` when the file system can not do so (mount_setattr(2)).
   */
  idmap(request: IdmapRequest): Promise<void>;
  /** Lazily unmounts all that is mounted on `target` (MNT_DETACH). No error when nothing is. */
  unmount(target: string): Promise<void>;
  /** Of the mount that `path` lies in, links followed; one that receives and sends is `shared`. */
  peers(path: string): Promise<MountPeers>;
  /** Mount points at or below `prefix`, deepest first. */
  list(prefix: string): Promise<readonly { readonly target: string; readonly type: string; readonly source: string }[]>;
}

/** What a cgroup may use. Absent = unlimited. The same words for v1 and v2; the driver converts. */
export interface CgroupResources {
  /** CPU weight as v1 shares, 2 … 262144 (kubelet: milli-CPU × 1024 / 1000). */
  readonly cpuShares?: number;
  /** Microseconds of CPU time per period; -1 = unlimited. */
  readonly cpuQuotaUs?: number;
  /** Microseconds; default 100,000. */
  readonly cpuPeriodUs?: number;
  /** Processors and memory nodes in the kernel's list format: `0-3,5`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Bytes; -1 = unlimited. */
  readonly memoryBytes?: number;
  /**
   * Bytes of memory and swap together; -1 = unlimited. Needs `memoryBytes`, and is not below it. Left out where the kernel
   * does not account swap per cgroup.
   */
  readonly memorySwapBytes?: number;
  readonly hugepages?: readonly HugepageLimit[];
  /** Number of tasks; -1 = unlimited. */
  readonly pids?: number;
  readonly blockIo?: readonly BlockIoLimit[];
  /** Control files of cgroup v2 and what to write into them, after all else. Refused on v1. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** Limit of the huge pages of one size. A limit of 0 is met by a host without the controller. */
export interface HugepageLimit {
  /** As the kernel's files have it: `2MB`, `1GB`. */
  readonly pageSize: string;
  readonly bytes: number;
}

/** Throttle of one block device, in bytes or operations per second. */
export interface BlockIoLimit {
  /** `major:minor` */
  readonly device: string;
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/** Read back from the kernel. Fields that the host's controllers do not offer are undefined. */
export interface CgroupStats {
  /** Nanoseconds of CPU time since the cgroup was made. */
  readonly cpuUsageNs: number;
  readonly cpuUserNs?: number;
  readonly cpuSystemNs?: number;
  /** How often a quota's period came to its end, and how often and for how long the cgroup was held back by it. */
  readonly cpuThrottling?: {
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNs: number;
  };
  /** Bytes in use, page cache included. */
  readonly memoryUsageBytes: number;
  /** Usage less inactive file cache: what the kubelet calls the working set. */
  readonly memoryWorkingSetBytes: number;
  readonly memoryRssBytes: number;
  readonly memoryLimitBytes?: number;
  /** Page cache, and the part of it that is mapped into processes. */
  readonly memoryCacheBytes?: number;
  readonly memoryMappedFileBytes?: number;
  /** The kernel's own memory on the cgroup's account. */
  readonly memoryKernelBytes?: number;
  /** Highest usage so far. */
  readonly memoryMaxUsageBytes?: number;
  /** How often usage ran into the limit. */
  readonly memoryLimitHits?: number;
  readonly memorySwapBytes?: number;
  /** Of memory and swap together. */
  readonly memorySwapLimitBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
  /** Time lost to waiting for a resource (PSI). */
  readonly pressure?: {
    readonly cpu?: Pressure;
    readonly memory?: Pressure;
    readonly io?: Pressure;
  };
  /** Tasks: processes and their threads. */
  readonly pids: number;
  /** Highest number of tasks. */
  readonly pidsLimit?: number;
  readonly io?: readonly BlockIoUsage[];
  /** How many processes the kernel's OOM killer has killed in this cgroup. */
  readonly oomKills: number;
}

/** What went to and came from one block device. */
export interface BlockIoUsage {
  /** `major:minor` */
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writeBytes: number;
}

/** Linux: Documentation/accounting/psi.rst. */
export interface Pressure {
  /** At least one task waited. */
  readonly some: PressureShare;
  /** All tasks that were not idle waited. */
  readonly full: PressureShare;
}

/** Percent of the last 10, 60 and 300 seconds, and all of it in nanoseconds. */
export interface PressureShare {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalNs: number;
}

/**
 * The tree of cgroups, v1 (hybrid too) and v2 behind one interface. Paths are relative to the hierarchy's root without a
 * leading slash (`minke/kubepods/burstable/pod1234`) and are the same in every v1 hierarchy.
 */
export interface CgroupTree {
  readonly version: 1 | 2;
  /**
   * Makes sure that this host's tree is usable (v1: a hugetlb hierarchy, which crun insists on; v2: controllers enabled).
   * Resolves with what it changed on the host, as sentences; empty when nothing.
   */
  prepare(): Promise<readonly string[]>;
  /** Creates the cgroup and its parents, and applies `resources`. Idempotent. */
  create(path: string, resources: CgroupResources): Promise<void>;
  update(path: string, resources: CgroupResources): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Sends SIGKILL to every process at or below `path`, until none is left. No error when the cgroup is gone. */
  kill(path: string): Promise<void>;
  /**
   * Makes the cgroup of a container last until its monitor, process `monitor`, has ended and so has looked how it went: a
   * systemd scope goes with its last process, and the count of what the kernel killed for memory with it. Others last anyway.
   */
  hold(path: string, monitor: number): Promise<void>;
  /** Pids at or below `path`. */
  processes(path: string): Promise<readonly number[]>;
  /** Removes the cgroup and all below it; its processes must be gone. No error when it is gone. */
  remove(path: string): Promise<void>;
  /** Paths of the direct children; none of a scope. */
  children(path: string): Promise<readonly string[]>;
  /** undefined when the cgroup is gone. */
  stats(path: string): Promise<CgroupStats | undefined>;
}

/** The tree, and who makes what of it for Pods: this process, or systemd as slices that hold scopes of containers. */
export interface CgroupHost extends CgroupTree {
  readonly driver: CgroupDriver;
  /** Where the driver has the cgroup that is meant by a path such as `minke/kubepods/pod1`. */
  placeOf(path: string): string;
  /** Of a cgroup that the CRI's client names, absolute. Rejects (throws) with `InvalidArgument` what the driver can not use. */
  placeOfCallers(parent: string): string;
  /** Where any driver that works on this host has it. */
  placesOf(path: string): readonly string[];
}

/** The whole seam. */
export interface Host extends AsyncDisposable {
  readonly process: ProcessHost;
  readonly namespace: NamespaceHost;
  readonly mount: MountHost;
  readonly cgroup: CgroupHost;
}
