/**
 * What the runtime remembers on disk of a sandbox and of a container. Both are replaced, never changed in place, and hold
 * no state that can be asked of the kernel.
 */
import type { Container, ContainerConfig, Owner, Sandbox, SandboxConfig } from "./runtime.ts";

/** A process and the guard against its number being used again. */
export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
}

export interface SandboxRecord {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly createdMs: number;
  /** False while it is being made; one that stays so is undone by recovery. */
  readonly ready: boolean;
  /** Set by stop: nothing runs in it any more and its network is given back. */
  readonly stopped: boolean;
  readonly ips: readonly string[];
  readonly namespacePaths: Sandbox["namespacePaths"];
  readonly cgroupPath: string;
  /** The topmost cgroup that had to be made, when `cgroupPath` is one that the caller named. */
  readonly madeCgroup?: string;
  /** The init of the shared PID namespace. */
  readonly init?: ProcessRef;
}

export interface Ended {
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly finishedMs: number;
}

export interface ContainerRecord {
  readonly id: string;
  readonly sandboxId: string;
  readonly owner: Owner;
  readonly podUid: string;
  /** Name of its OCI runtime; absent: the default. */
  readonly handler?: string;
  readonly config: ContainerConfig;
  readonly imageId: string;
  readonly imageRef: string;
  readonly createdMs: number;
  readonly cgroupPath: string;
  readonly logPath: string;
  /** Name or number. */
  readonly stopSignal: string;
  /** False while it is being made; one that stays so is undone by recovery. */
  readonly created: boolean;
  /** Both are made by its start. */
  readonly process?: ProcessRef;
  readonly conmon?: ProcessRef;
  /** Written before `crun start`, so that a start is never done twice. */
  readonly startedMs?: number;
  readonly ended?: Ended;
  readonly user?: Container["user"];
  readonly mountedImages?: Container["mountedImages"];
}
