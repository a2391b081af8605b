/** What a worker remembers of its Pod between two looks at it. All of it may be lost: it is rebuilt, or does without. */
import type { Pod } from "../api/gen/types.ts";
import { Backoff } from "../base/backoff.ts";
import type { Image } from "../runtime/image.ts";
import type { PreparedVolume } from "../volume/volume.ts";
import type { WaitingReason } from "./status-input.ts";

export interface Retry {
  readonly atMs: number;
  readonly failures: number;
}

export interface PodMemory {
  readonly uid: string;
  /** Prepared volumes by name; undefined until they are. */
  volumes: ReadonlyMap<string, PreparedVolume> | undefined;
  volumesHeld: boolean;
  /** When to refresh what volumes show, milliseconds since the epoch: 0 = now, or nobody knows; `Infinity` = not by time. */
  refreshAtMs: number;
  /** What of the Pod itself volumes show, and what can change. */
  shown: Pick<Pod["metadata"], "labels" | "annotations"> | undefined;
  released: boolean;
  /** Images made present ahead of the sandbox, by container name; taken by the container's first start. */
  readonly images: Map<string, Image>;
  /** Why containers do not run, by name. */
  readonly waiting: Map<string, WaitingReason>;
  /** How far the pull of a container's image is, by container name. */
  readonly pulling: Map<string, string>;
  /** Failed actions, by their key. */
  readonly retries: Map<string, Retry>;
  /** Termination messages, by container id. */
  readonly messages: Map<string, string>;
  readonly restarts: Backoff;
  /** Whether `restarts` has been taken up from an earlier life. */
  restored: boolean;
  /** Id of the ended container whose restart `restarts` has counted last, by name. */
  readonly counted: Map<string, string>;
  /** Id of the ended container whose restart is held up by back-off, by name. */
  readonly held: Map<string, string>;
  /** Why the last change of limits could not be applied. */
  resizeError: string | undefined;
  /** The /etc/hosts as last written. */
  hosts: string | undefined;
  /** Containers that were stopped for a new definition: id by name. */
  readonly replacing: Map<string, string>;
  /** Restart counts known from elsewhere than the runtime. */
  readonly nextAttempt: Map<string, number>;
  /** The grace period that is being kept, and when it ends. */
  grace: { readonly seconds: number; readonly killAtMs: number } | undefined;
}

export function newMemory(uid: string): PodMemory {
  return {
    uid,
    volumes: undefined,
    volumesHeld: false,
    refreshAtMs: 0,
    shown: undefined,
    released: false,
    images: new Map(),
    waiting: new Map(),
    pulling: new Map(),
    retries: new Map(),
    messages: new Map(),
    restarts: new Backoff(),
    restored: false,
    counted: new Map(),
    held: new Map(),
    resizeError: undefined,
    hosts: undefined,
    replacing: new Map(),
    nextAttempt: new Map(),
    grace: undefined,
  };
}
