/**
 * What every verb of the runtime works on: its collaborators, and the two tables of what exists. A verb is a free function
 * over it, in a file of its own.
 */
import type { Clock } from "../base/clock.ts";
import type { KeyedLock } from "../base/keyed-lock.ts";
import type { Logger } from "../base/logger.ts";
import type { Tracer } from "../base/trace.ts";
import type { Host } from "../host/host.ts";
import type { Instance } from "../host/instance.ts";
import type { CgroupAbilities } from "../oci/cgroup-abilities.ts";
import type { Conmon } from "../oci/conmon.ts";
import type { Crun } from "../oci/crun.ts";
import type { RuntimeAbilities } from "../oci/runtime-abilities.ts";
import type { Broadcaster } from "./events/broadcaster.ts";
import type { ImageService } from "./image.ts";
import type { Layout } from "./layout.ts";
import type { ContainerRecord, ProcessRef, SandboxRecord } from "./records.ts";
import type { PortMapping, RuntimeEvent } from "./runtime.ts";

/** What CNI needs to know of a sandbox, to set its network up and to take it down again. */
export interface Attachment {
  readonly sandboxId: string;
  readonly netnsPath: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  readonly portMappings: readonly PortMapping[];
}

/** The part of the CNI client that the runtime uses. */
export interface SandboxNetwork {
  add(attachment: Attachment, signal?: AbortSignal): Promise<{ readonly ips: readonly string[] }>;
  /** Idempotent. */
  del(attachment: Attachment): Promise<void>;
  /** Gives back what belongs to no sandbox of the set. */
  gc(validSandboxIds: readonly string[]): Promise<void>;
  /** Removes all that the instance made on the host for its network. */
  teardown?(): Promise<void>;
}

/** A sandbox in memory: what is on disk, and what is under way. */
export interface SandboxEntry {
  record: SandboxRecord;
  /** Stop has begun: no container may be made in it any more. */
  stopping: boolean;
  /** Containers that are being made in it, which stop waits for. */
  readonly creating: Set<Promise<unknown>>;
  readonly containers: Set<ContainerEntry>;
}

/** A container in memory. */
export interface ContainerEntry {
  record: ContainerRecord;
  /** Resolves when its end is known and written down. */
  readonly exited: PromiseWithResolvers<void>;
  /** The stop that is under way. */
  stop: StopInProgress | undefined;
  removed: boolean;
}

export interface StopInProgress {
  /** On the monotonic clock: when SIGKILL is due. */
  killAtMs: number;
  timer: Disposable;
}

/** What the kernel lets this process hand on to containers. */
export interface Privileges {
  readonly boundingSet: readonly string[];
  /** Lowest oom_score_adj that may be set. */
  readonly oomScoreAdjMin: number;
  /** Number of CPUs. */
  readonly cpus: number;
  readonly cgroup: CgroupAbilities;
}

/** An OCI runtime, and the monitors that start it. */
export interface OciHandler {
  readonly crun: Crun;
  readonly conmon: Conmon;
  /** Asked once. */
  abilities(): Promise<RuntimeAbilities>;
}

export interface Scope {
  readonly host: Host;
  readonly instance: Instance;
  readonly network: SandboxNetwork;
  readonly images: Pick<ImageService, "status" | "layers">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trace: Tracer;
  /** OCI runtimes by the name of their handler; the default one is `""`. */
  readonly handlers: ReadonlyMap<string, OciHandler>;
  readonly layout: Layout;
  readonly events: Broadcaster<RuntimeEvent>;
  /**
   * Per container id: create, start, remove, and the writing down of an exit take turns. Per path of a sandbox' cgroup:
   * making it and removing it, since the sandboxes of one Pod share it.
   */
  readonly locks: KeyedLock;
  readonly sandboxes: Map<string, SandboxEntry>;
  readonly containers: Map<string, ContainerEntry>;
  /** Sandboxes that are being made, and are not in the table yet. */
  readonly making: Set<SandboxRecord>;
  /** Containers that are being made, for the images that they need. */
  readonly makingContainers: Set<ContainerRecord>;
  /** Names in use, `owner/namespace/name/uid/attempt`, those being made included. */
  readonly names: Set<string>;
  /** `cgroup`: one that exists. Asked once. */
  privileges(cgroup: string): Promise<Privileges>;
  /** Why no container can be made in a user namespace on this host; undefined when it can. Tried out once. */
  userNamespaces(): Promise<string | undefined>;
  /** What is being ended or removed behind the callers' backs, which disposing waits for: nobody would do it after it. */
  readonly endings: Set<Promise<unknown>>;
  /** Aborted when the runtime is disposed of: nothing is watched any more. */
  readonly closed: AbortSignal;
}

/** The default OCI runtime, which also runs the inits of shared PID namespaces. */
export function defaultHandler({ handlers }: Pick<Scope, "handlers">): OciHandler {
  return handlers.get("")!;
}

/** The OCI runtime of a container. One that is no longer known leaves its containers to the default one. */
export function handlerOf(
  scope: Pick<Scope, "handlers">,
  { handler = "" }: Pick<ContainerRecord, "handler">,
): OciHandler {
  return scope.handlers.get(handler) ?? defaultHandler(scope);
}

/** Tells the readers of events that something about a container may have changed. */
export function announce(scope: Scope, type: RuntimeEvent["type"], record: ContainerRecord): void {
  const { id, sandboxId, podUid, owner } = record;
  scope.events.publish({ type, sandboxId, containerId: id, podUid, owner });
}

/** Puts a sandbox into the table. */
export function addSandbox(scope: Scope, record: SandboxRecord): SandboxEntry {
  const entry: SandboxEntry = { record, stopping: false, creating: new Set(), containers: new Set() };
  scope.sandboxes.set(record.id, entry);
  return entry;
}

/** Puts a container into the table. */
export function addContainer(scope: Scope, record: ContainerRecord): ContainerEntry {
  const exited = Promise.withResolvers<void>();
  if (record.ended) exited.resolve();
  const entry: ContainerEntry = { record, exited, stop: undefined, removed: false };
  scope.containers.set(record.id, entry);
  scope.sandboxes.get(record.sandboxId)?.containers.add(entry);
  return entry;
}

/** Takes a container out of the table. */
export function dropContainer(scope: Scope, entry: ContainerEntry): void {
  entry.removed = true;
  entry.exited.resolve();
  scope.containers.delete(entry.record.id);
  scope.sandboxes.get(entry.record.sandboxId)?.containers.delete(entry);
}

/** Whether the process of a checkpoint still lives, and is not another one with its number. */
export function isAlive(scope: Scope, process: ProcessRef): boolean {
  return scope.host.process.startTime(process.pid) === process.startTime;
}

/** The checkpointed form of a process that lives now; undefined when it is gone. */
export function refOf(scope: Scope, pid: number): ProcessRef | undefined {
  const startTime = scope.host.process.startTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Remembers an end that is under way. It must not reject. */
export function remember({ endings }: Pick<Scope, "endings">, end: Promise<unknown>): void {
  endings.add(end);
  void end.finally(() => endings.delete(end));
}
