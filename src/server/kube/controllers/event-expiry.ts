/**
 * Events end a while after they were last written, whoever wrote them. In Kubernetes etcd does it, by a lease that each write
 * of an Event renews (kube-apiserver `--event-ttl`); here one timer, for the one that is due next. Over a restart the times
 * that stand in an Event tell when that is.
 */
import type { Event } from "../../../api/gen/types.ts";
import { EVENTS, resourceNameOf } from "../../../api/resources.ts";
import type { Clock } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import type { Logger } from "../../../base/logger.ts";
import type { ObjectKey, Store } from "../../../store/store.ts";

/** kube-apiserver's default. */
export const EVENT_TTL_MS = 3_600_000;
/** Those that are due within this time go together, milliseconds; also the pause after a failure. */
const SWEEP_EVERY_MS = 10_000;
/** Removed in one turn of the event loop: about 20 ms. */
const SWEEP_MAX = 200;

const RESOURCE = resourceNameOf(EVENTS);

interface Entry {
  readonly key: ObjectKey;
  readonly dueMs: number;
}

export interface EventExpiryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long an Event is kept after its last write, milliseconds; 0 for ever. */
  readonly ttlMs: number;
}

export class EventExpiry implements Disposable {
  readonly #options: EventExpiryOptions;
  /** The first is due first: every write puts its Event behind all others. */
  readonly #entries = new Map<string, Entry>();
  readonly #watch: Disposable | undefined;
  #timer: Disposable | undefined;

  constructor(options: EventExpiryOptions) {
    this.#options = options;
    const { store, clock, ttlMs } = options;
    if (ttlMs === 0) return;
    const now = clock.now();
    const stored = (store.list(RESOURCE).items as readonly Event[]).map((event) => ({
      key: keyOf(event),
      dueMs: Math.min(lastWriteMs(event), now) + ttlMs,
    }));
    for (const entry of stored.toSorted((a, b) => a.dueMs - b.dueMs)) this.#entries.set(textOf(entry.key), entry);
    this.#watch = store.watch(RESOURCE, ({ type, object }) => {
      const key = keyOf(object as Event);
      this.#entries.delete(textOf(key));
      if (type === "DELETED") return;
      this.#entries.set(textOf(key), { key, dueMs: clock.now() + ttlMs });
      this.#arm(0);
    });
    this.#arm(0);
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
  }

  #arm(pauseMs: number): void {
    const [first] = this.#entries.values();
    if (this.#timer || !first) return;
    const { clock } = this.#options;
    this.#timer = clock.timer(Math.max(pauseMs, first.dueMs - clock.now()), () => {
      this.#timer = undefined;
      this.#arm(this.#sweep());
    });
  }

  /** Removes what is due. Returns for how long nothing more need be done, milliseconds. */
  #sweep(): number {
    const { store, clock, log } = this.#options;
    const now = clock.now();
    let removed = 0;
    for (const [text, { key, dueMs }] of this.#entries) {
      if (dueMs > now) break;
      if (removed === SWEEP_MAX) return 0;
      try {
        // The watch above takes it out of the entries.
        if (store.get(key)) store.delete(key);
        this.#entries.delete(text);
        removed++;
      } catch (error) {
        log.warn({ error: messageOf(error) }, "Old events could not be removed");
        break;
      }
    }
    return SWEEP_EVERY_MS;
  }
}

function keyOf({ metadata }: Event): ObjectKey {
  return { resource: RESOURCE, namespace: metadata.namespace ?? "", name: metadata.name ?? "" };
}

function textOf({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}

/** As far as the Event tells. */
function lastWriteMs({ lastTimestamp, eventTime, series, metadata }: Event): number {
  const times = [lastTimestamp, eventTime, series?.lastObservedTime, metadata.creationTimestamp];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? "")).filter((ms) => !Number.isNaN(ms)));
}
