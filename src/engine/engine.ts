/**
 * The engine's public face: what a kubelet does, for Pods in the store.
 *
 * It is level-triggered. Per Pod UID one serial, coalescing worker runs observe → plan → act → status. Events only wake a
 * worker and never carry truth; an idle engine does no work. The engine reads Pods from the store and writes their status
 * (and Events) there; it alone tells the runtime to change anything.
 */
import type { Pod } from "../api/gen/types.ts";
import type { CgroupStats } from "../runtime/runtime.ts";

export interface ContainerRef {
  readonly containerId: string;
  readonly sandboxId: string;
  readonly running: boolean;
  /** Absolute path of the current log file; empty when there is none. */
  readonly logPath: string;
  readonly tty: boolean;
  readonly stdin: boolean;
}

export interface PodStats {
  readonly pod: Pod;
  readonly containers: readonly { readonly name: string; readonly stats: CgroupStats; readonly atMs: number }[];
}

export interface Engine {
  /** Adopts what runs, then follows the store. Resolves when every Pod has been looked at once. */
  start(): Promise<void>;
  /** Stops following. Containers run on. Resolves when no action is under way, or has had its time to end. */
  stop(): Promise<void>;
  /**
   * The runtime's container of a Pod's container. `previous` asks for the one before the last restart. Rejects with
   * `NotFound` (no such Pod or container) or `InvalidArgument` in the words that the kubelet uses ("container \"x\" in pod
   * \"y\" is waiting to start: ContainerCreating").
   */
  container(pod: Pod, containerName: string, options?: { readonly previous?: boolean }): Promise<ContainerRef>;
  /** The Pod's ready sandbox, for port forwarding; rejects with `FailedPrecondition` when there is none. */
  sandbox(pod: Pod): Promise<string>;
  /** Current usage of the containers that run. */
  stats(namespace?: string): Promise<readonly PodStats[]>;
}
