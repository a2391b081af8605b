/**
 * The store's contract: versioned Kubernetes objects with watch and optimistic concurrency.
 *
 * Every write gets the next *resource version*, one counter for the whole store, a decimal string that only grows. A write
 * that has returned survives the end of the process; what may leave the process waits until it survives a power cut too
 * ({@link Store.synced}). A watch that starts at a version sees every later write of its resource exactly once and
 * in order, or `Expired` when the history no longer reaches back (HISTORY_MAX events).
 * Calls are synchronous: a store is one process' memory or one SQLite file, and there is nothing to wait for.
 */
import type { KubeObject } from "../api/object.ts";

/** Which resource: the plural, with its group when it is not the core group (`pods`, `leases.coordination.k8s.io`). */
export type ResourceName = string;

export interface ObjectKey {
  readonly resource: ResourceName;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  readonly name: string;
}

export type StoreEventType = "ADDED" | "MODIFIED" | "DELETED";

export interface StoreEvent {
  readonly type: StoreEventType;
  readonly resource: ResourceName;
  /** The object after the write; for DELETED its last state with the deletion's resource version. */
  readonly object: KubeObject;
  /** The object before the write; absent for ADDED. */
  readonly previous?: KubeObject;
  readonly resourceVersion: string;
}

export interface ListResult {
  readonly items: readonly KubeObject[];
  /** The version that the list is of. */
  readonly resourceVersion: string;
}

/** How many past events a watch may reach back to. */
export const HISTORY_MAX = 10_000;

/** How durable a write has to be before it is told: `sync` survives a power cut, `async` only a crash of the daemon. */
export type Durability = "sync" | "async";

export interface Store extends Disposable {
  /** Rejects a name that is taken with `AlreadyExists`. Returns the object with its resource version. */
  create(resource: ResourceName, object: KubeObject, durability?: Durability): KubeObject;
  get(key: ObjectKey): KubeObject | undefined;
  /**
   * In order of namespace and name: now, or as it was at a version that the store has reached. Throws `ResourceExhausted` with
   * reason `Expired` when the history no longer reaches back to it.
   */
  list(resource: ResourceName, namespace?: string, version?: string): ListResult;
  /** Replaces; `Conflict` when `object.metadata.resourceVersion` is set and not the stored one, `NotFound` when it is gone. */
  update(resource: ResourceName, object: KubeObject, durability?: Durability): KubeObject;
  /** Returns the last state; `NotFound` when it is gone, `Conflict` when `uid` does not match. */
  delete(key: ObjectKey, options?: { readonly uid?: string }): KubeObject;
  /** Copies all of it, as it is at one moment, to a file that is not there. `Unimplemented` for a store in memory. */
  backup(file: string): Promise<void>;
  /** The current resource version. */
  version(): string;
  /** The version up to which all may be told outside: no `sync` write among it is still on its way to the disk. */
  durableVersion(): string;
  /**
   * Resolves when {@link durableVersion} has reached what is now the version. Who waits at the same time shares one trip to
   * the disk. Rejects, now and ever after, when the disk could not be made to keep what was written.
   */
  synced(): Promise<void>;
  /**
   * Calls `listener` for every write of `resource` after `since` (default: from now on), past ones at once. Throws
   * `ResourceExhausted` with reason `Expired` when `since` is too old. Dispose to stop.
   */
  watch(resource: ResourceName, listener: (event: StoreEvent) => void, since?: string): Disposable;
}
