/** A store in the memory of the process, for tests and for embedded nodes that need not outlive it. */
import { MinkeError } from "../base/errors.ts";
import type { Journal } from "./journal.ts";
import { HISTORY_MAX, type ResourceName, type Store, type StoreEvent } from "./store.ts";
import { VersionedStore } from "./versioned-store.ts";

export interface MemoryStoreOptions {
  /** How many events a watch may reach back to. */
  readonly historyMax?: number;
}

export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new VersionedStore(new MemoryJournal(options.historyMax ?? HISTORY_MAX));
}

class MemoryJournal implements Journal {
  readonly version = 0;
  compacted = 0;
  readonly #historyMax: number;
  #history: StoreEvent[] = [];

  constructor(historyMax: number) {
    this.#historyMax = historyMax;
  }

  load(): [] {
    return [];
  }

  commit(_key: unknown, event: StoreEvent): void {
    this.#history.push(event);
    // Twice the length, then half of it in one go: the cost per write stays constant.
    if (this.#history.length < 2 * this.#historyMax) return;
    const dropped = this.#history.length - this.#historyMax;
    this.compacted = Number(this.#history[dropped - 1]!.resourceVersion);
    this.#history = this.#history.slice(dropped);
  }

  async sync(): Promise<void> {}

  async backup(): Promise<void> {
    throw new MinkeError("Unimplemented", "Cannot back up the store: it is only in memory");
  }

  after(resource: ResourceName, version: number): Iterable<StoreEvent> {
    return this.#history.filter((event) => event.resource === resource && Number(event.resourceVersion) > version);
  }

  [Symbol.dispose](): void {
    this.#history = [];
  }
}
