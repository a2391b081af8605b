/**
 * The runtime's contract: the CRI's verbs in TypeScript. It knows sandboxes and containers, and no manifest.
 *
 * A **sandbox** is a Pod's place: pinned net, IPC and UTS namespaces, the network set up by CNI, a cgroup parent, and an
 * init process only when the PID namespace is shared. It is `ready` until it is stopped or its network or init is lost.
 * A **container** goes `created → running → exited`; a restart is a new container with the next attempt, never a mutation.
 * Its state is derived from what is on disk (checkpoint, exit file) and in the kernel, never stored twice:
 *
 *     create ──► created ──start──► running ──exit / stop──► exited ──remove──► (gone)
 *        └──────────────remove────────┴─────────remove(kills)────┘
 *
 * Two masters use the runtime, told apart by `owner`: our engine, and a kubelet over the CRI socket. Neither sees what the
 * other made. Stop and remove are idempotent: an unknown id is success. Everything here survives `kill -9` of the daemon:
 * `recover()` re-adopts what lives, and cleans what a half-done call left.
 */
import type { CgroupResources, CgroupStats, IdMapping, UserNamespace } from "../host/host.ts";

export type { CgroupResources, CgroupStats, IdMapping, UserNamespace } from "../host/host.ts";

export const OWNERS = ["engine", "cri"] as const;
export type Owner = (typeof OWNERS)[number];

export type NamespaceMode = "pod" | "container" | "node";

export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

export interface PortMapping {
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly containerPort: number;
  readonly hostPort: number;
  /** Host address to listen on; empty = all. */
  readonly hostIp: string;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface SandboxConfig {
  readonly owner: Owner;
  readonly metadata: SandboxMetadata;
  /** Ignored with `network: "node"`, which has the host's UTS namespace. */
  readonly hostname: string;
  /** Absolute directory of the containers' logs; empty = no logs. */
  readonly logDirectory: string;
  /** Absent: the host's resolv.conf. */
  readonly dns?: DnsConfig;
  readonly portMappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /**
   * Parent of the containers' cgroups. Relative (`kubepods/burstable/pod<uid>`): below the instance's own root, made and
   * removed with the sandbox. Absolute (`/kubepods/pod<uid>`, or with the systemd driver `/kubepods-pod<uid>.slice`): taken
   * literally, made when it is not there, and removed only when the sandbox made it, for it belongs to the caller. Empty:
   * one of the sandbox' own below the instance's root.
   */
  readonly cgroupParent: string;
  /** Limits of the parent cgroup itself. */
  readonly resources: CgroupResources;
  readonly namespaces: {
    readonly network: "pod" | "node";
    readonly pid: NamespaceMode;
    readonly ipc: "pod" | "node";
    /**
     * A user namespace of the Pod's own, which owns its other namespaces. One mapping each, and id 0 must be mapped; needs
     * network, PID and IPC namespaces of its own. Absent: the host's.
     */
    readonly user?: UserNamespace;
  };
  readonly sysctls: Readonly<Record<string, string>>;
  /** Handler of a RuntimeClass; empty = the default (crun). */
  readonly runtimeHandler: string;
  /** What the owner wants to be told again and has no other place for; plain JSON, never looked at by the runtime. */
  readonly ownerData?: Readonly<Record<string, unknown>>;
}

export type SandboxState = "ready" | "notready";

export interface Sandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly state: SandboxState;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  /** Addresses of the Pod, first the primary; empty with the host's network. */
  readonly ips: readonly string[];
  /** Paths of the pinned namespaces; a kind is absent when the sandbox uses the host's. */
  readonly namespacePaths: {
    readonly net?: string;
    readonly ipc?: string;
    readonly uts?: string;
    readonly user?: string;
    readonly pid?: string;
  };
  /** Full cgroup path, relative to the hierarchy's root. */
  readonly cgroupPath: string;
}

export type MountPropagation = "private" | "hostToContainer" | "bidirectional";

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly propagation: MountPropagation;
  /** Mounts below it are read-only too (`mount_setattr`). Only with `readonly` and `private` propagation. */
  readonly recursiveReadonly?: boolean;
  /** Content of an image instead of `hostPath`, which is empty then. Always read-only; programs in it may be executed. */
  readonly image?: { readonly image: string; readonly subPath: string };
  /** Shifts the owners of files (an idmapped mount): as the sandbox' user namespace has it. Empty or absent: none. */
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

/** A device of the host inside the container. */
export interface Device {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of `r`, `w`, `m`. */
  readonly permissions: string;
}

export type SeccompProfile =
  | { readonly type: "unconfined" }
  | { readonly type: "runtimeDefault" }
  | { readonly type: "localhost"; readonly path: string };

export interface ContainerSecurity {
  readonly privileged: boolean;
  /** Without `CAP_`; `ALL` is understood. */
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  /** Absent: the image's user. */
  readonly runAsUser?: number;
  readonly runAsUsername?: string;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  /** `strict` leaves out the groups that the image's /etc/group gives the user. Default `merge`. */
  readonly supplementalGroupsPolicy?: "merge" | "strict";
  readonly readonlyRootfs: boolean;
  readonly noNewPrivileges: boolean;
  readonly seccomp: SeccompProfile;
  /** Absent: the defaults of the spec builder. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /**
   * Name of an AppArmor profile that is loaded; `unconfined`; absent: none is asked for. A name on a host without AppArmor
   * is refused when the container is created.
   */
  readonly apparmorProfile?: string;
}

export interface ContainerResources extends CgroupResources {
  /** -1000 … 1000; clamped with a warning to what the daemon may set. */
  readonly oomScoreAdj?: number;
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number };
  /** Reference or id of an image that is present. */
  readonly image: string;
  /** Empty: the image's entrypoint (and, when `args` is empty too, its cmd). */
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** Empty: the image's, else `/`. */
  readonly workingDir: string;
  /** `[name, value]`; they override the image's. */
  readonly env: readonly (readonly [string, string])[];
  readonly mounts: readonly Mount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Relative to the sandbox' log directory; empty = no log. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
  /** Overrides the sandbox' mode for PID only. `{ container }` joins the PID namespace of another container of the sandbox. */
  readonly pidMode: NamespaceMode | { readonly container: string };
  readonly devices?: readonly Device[];
  /** Absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
  /** As {@link SandboxConfig.ownerData}. */
  readonly ownerData?: Readonly<Record<string, unknown>>;
}

export type ContainerState =
  | { readonly phase: "created" }
  | { readonly phase: "running"; readonly pid: number; readonly startedMs: number }
  | {
      readonly phase: "exited";
      readonly exitCode: number;
      /** `Completed`, `Error`, `OOMKilled`, `StartError` (exit code 128), `Unknown` (255: lost over a reboot). */
      readonly reason: string;
      readonly message: string;
      /** 0 when it never ran. */
      readonly startedMs: number;
      readonly finishedMs: number;
    };

export interface Container {
  readonly id: string;
  readonly sandboxId: string;
  readonly owner: Owner;
  readonly config: ContainerConfig;
  readonly imageId: string;
  /** A name of the image with its digest (`repo@sha256:…`), or the id when it has none. */
  readonly imageRef: string;
  readonly createdMs: number;
  readonly state: ContainerState;
  /** Absolute path of the current log file; empty when there is none. */
  readonly logPath: string;
  /** Who its first process was started as. */
  readonly user: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  /** Mounts that asked for an image: container path → id of the image. */
  readonly mountedImages: Readonly<Record<string, string>>;
}

/** Something may have changed. A hint that wakes; the truth is asked for again. */
export interface RuntimeEvent {
  readonly type: "created" | "started" | "stopped" | "deleted" | "sandbox";
  readonly sandboxId: string;
  readonly containerId?: string;
  readonly podUid: string;
  readonly owner: Owner;
}

export interface ExecRequest {
  readonly command: readonly [string, ...string[]];
  readonly tty: boolean;
  /** Whether the caller will send standard input. */
  readonly stdin: boolean;
  readonly signal?: AbortSignal;
}

/** A process' or container's streams. Ending `stdin` closes the process' standard input. */
export interface StreamSession {
  readonly stdin?: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  /** Absent with a tty. */
  readonly stderr?: NodeJS.ReadableStream;
  /** Sets the terminal's size; no effect without a tty. */
  resize(width: number, height: number): void;
  /** For exec: resolves with the exit code when the output has ended. For attach: with 0 when the container is gone. */
  readonly exited: Promise<number>;
  /** Ends the session: exec kills its process, attach detaches and the container runs on. */
  close(): void;
}

export interface ContainerStats extends CgroupStats {
  readonly containerId: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** Space of a writable layer. */
export interface LayerUsage {
  readonly path: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

/** What the processes of a container hold open, all together. */
export interface ProcessStats {
  readonly processes: number;
  readonly fileDescriptors: number;
  readonly sockets: number;
  /** Soft limit of its first process. */
  readonly fileDescriptorsMax?: number;
}

/** Counters of one network interface in a sandbox, from its start on. */
export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** What the runtime and this host can do, told truthfully: a feature that would fail is not in here. */
export interface RuntimeFeatures {
  /** The OCI runtimes by the name of their handler; `""` is the default one. */
  readonly handlers: readonly {
    readonly name: string;
    readonly recursiveReadonlyMounts: boolean;
    readonly userNamespaces: boolean;
  }[];
  readonly supplementalGroupsPolicy: boolean;
  readonly cgroupDriver: "cgroupfs" | "systemd";
  /** Of the default OCI runtime: `crun 1.8.1`. */
  readonly version: string;
}

export interface SandboxFilter {
  readonly owner?: Owner;
  readonly id?: string;
  readonly podUid?: string;
}

export interface ContainerFilter extends SandboxFilter {
  readonly sandboxId?: string;
}

export interface Runtime {
  /** Re-adopts what lives and removes what half-done calls left. Must be called once, before anything else. */
  recover(): Promise<void>;

  /** Rejects with `AlreadyExists` when a sandbox of the same owner, name, namespace, uid and attempt exists. */
  runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<Sandbox>;
  /** Kills what runs in it and gives the network back; the record stays until it is removed. */
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  sandbox(id: string): Promise<Sandbox | undefined>;
  sandboxes(filter?: SandboxFilter): Promise<readonly Sandbox[]>;
  updateSandboxResources(id: string, resources: CgroupResources): Promise<void>;

  /**
   * Rejects with `NotFound` (sandbox, image), `InvalidArgument`, for owner `cri` with `AlreadyExists` when the sandbox has one of
   * the same name and attempt, or with reason `CreateContainerConfigError` / `CreateContainerError`.
   */
  createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<Container>;
  /** Starts it. When the OCI runtime can not, rejects with reason `StartError`, and the container is `exited` with 128. */
  startContainer(id: string): Promise<Container>;
  /**
   * `createContainer` and `startContainer` in one, which saves a round trip. On a failure to start, the exited container
   * stays, so that its state can be told, and the error is thrown.
   */
  runContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<Container>;
  /** Stop signal, then SIGKILL after `graceMs`. Resolves when it is gone. A later call with a shorter grace shortens it. */
  stopContainer(id: string, graceMs: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  container(id: string): Promise<Container | undefined>;
  containers(filter?: ContainerFilter): Promise<readonly Container[]>;
  updateContainerResources(id: string, resources: ContainerResources): Promise<void>;
  reopenLog(id: string): Promise<void>;
  /** Sends a signal to the container's init process. */
  signalContainer(id: string, signal: string): Promise<void>;

  stats(filter?: ContainerFilter): Promise<readonly ContainerStats[]>;
  sandboxStats(id: string): Promise<CgroupStats | undefined>;
  /** Ids of the images that containers are made of or have mounted, those being made included. */
  imagesInUse(): Promise<ReadonlySet<string>>;
  /** Walks the writable layers, bounded in time: for whom it matters, not for each statistic. */
  layerUsage(filter?: ContainerFilter): Promise<ReadonlyMap<string, LayerUsage>>;
  /** Looks at each process of the containers that have not ended: for metrics, not for each statistic. */
  processStats(filter?: ContainerFilter): Promise<ReadonlyMap<string, ProcessStats>>;
  /** Interfaces inside the sandbox' network namespace, `lo` left out; empty with the host's network. */
  interfaceStats(sandboxId: string): Promise<readonly InterfaceStats[]>;
  features(): Promise<RuntimeFeatures>;

  exec(id: string, request: ExecRequest): Promise<StreamSession>;
  attach(id: string): Promise<StreamSession>;
  /** Connects to `port` on localhost inside the sandbox' network namespace. */
  portForward(sandboxId: string, port: number): Promise<StreamSession>;

  /** Events from now on, until the signal aborts. A slow reader loses events, never the daemon its memory (limit 1,000). */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}
