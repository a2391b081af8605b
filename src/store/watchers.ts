/** Delivers events to listeners: each event once, in order, also when a listener writes to the store or starts a watch. */
import type { ResourceName, StoreEvent } from "./store.ts";

type Listener = (event: StoreEvent) => void;

interface Watcher {
  readonly listener: Listener;
  /** Version of the last event that the listener has got. */
  seen: number;
}

export class Watchers {
  readonly #byResource = new Map<ResourceName, Set<Watcher>>();
  readonly #queue: StoreEvent[] = [];
  #delivering = false;

  /** Adds a listener that has seen everything up to `seen`, and hands it `past` first. */
  add(resource: ResourceName, listener: Listener, seen: number, past: Iterable<StoreEvent>): Disposable {
    const watcher: Watcher = { listener, seen };
    const watchers = this.#byResource.get(resource) ?? new Set();
    this.#byResource.set(resource, watchers.add(watcher));
    // The past is delivered like the present: a write by this listener waits until the past is through.
    const outermost = !this.#delivering;
    this.#delivering = true;
    try {
      for (const event of past) {
        if (!watchers.has(watcher)) break;
        deliver(watcher, event);
      }
    } catch (error) {
      watchers.delete(watcher);
      throw error;
    } finally {
      if (outermost) this.#drain();
    }
    return { [Symbol.dispose]: () => void watchers.delete(watcher) };
  }

  notify(event: StoreEvent): void {
    this.#queue.push(event);
    if (!this.#delivering) this.#drain();
  }

  #drain(): void {
    this.#delivering = true;
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
      for (const watcher of this.#byResource.get(event.resource) ?? []) deliver(watcher, event);
    }
    this.#delivering = false;
  }
}

function deliver(watcher: Watcher, event: StoreEvent): void {
  const version = Number(event.resourceVersion);
  if (version <= watcher.seen) return;
  watcher.seen = version;
  try {
    watcher.listener(event);
  } catch (error) {
    // A listener's fault must not fail the write that has happened; it crashes as the programmer error that it is.
    queueMicrotask(() => {
      throw error;
    });
  }
}
