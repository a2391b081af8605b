/** Where a {@link VersionedStore} keeps what has to outlive a call: the memory of the process, or a SQLite file. */
import type { KubeObject } from "../api/object.ts";
import type { ObjectKey, ResourceName, StoreEvent } from "./store.ts";

export interface StoredObject {
  readonly resource: ResourceName;
  readonly object: KubeObject;
}

export interface Journal extends Disposable {
  /** The version of the last write, or higher: the next write gets a greater one. */
  readonly version: number;
  /** Events up to and including this version are no longer in the history; 0 when all are. */
  readonly compacted: number;
  /** All objects, once, when the store opens. */
  load(): Iterable<StoredObject>;
  /** Makes one write last: object and history together or not at all. */
  commit(key: ObjectKey, event: StoreEvent, version: number): void;
  /** Makes what was committed before it survive a power cut. One call at a time. */
  sync(): Promise<void>;
  /** See {@link Store.backup}. */
  backup(file: string): Promise<void>;
  /** The history of a resource after `version`, oldest first. */
  after(resource: ResourceName, version: number): Iterable<StoreEvent>;
}
