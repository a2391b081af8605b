/**
 * Kubernetes Events: what a person reads to learn what happened to an object. They are collected and written a moment later,
 * off the hot path, with `async` durability. Equal ones are counted instead of repeated; of many that differ only in their
 * message one is left that counts them; old ones are removed. Kubernetes: client-go tools/record/events_cache.go.
 */
import type { Event } from "../api/gen/types.ts";
import type { KubeObject } from "../api/object.ts";
import type { Clock } from "../base/clock.ts";
import { rfc3339 } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { newUid } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import type { Store } from "./store.ts";

/** Events wait this long for others, milliseconds. */
const FLUSH_DELAY_MS = 20;
/** Events that wait to be written; beyond it the newest are dropped. */
const PENDING_MAX = 1_000;
/** Events kept in the store; the oldest go first. */
const STORED_MAX = 5_000;
const MESSAGE_MAX = 1024;
/** So many different messages of one kind in {@link SIMILAR_MS} are told one by one; further ones are combined. */
const SIMILAR_MAX = 10;
const SIMILAR_MS = 600_000;
/** Kinds of events whose messages are remembered. */
const SIMILAR_KINDS_MAX = 4_096;
const COMBINED = "(combined from similar events): ";

export type EventType = "Normal" | "Warning";

export interface EventRecorder {
  /** Notes an event of the object, or of the part of it that `fieldPath` names: `spec.containers{web}`. */
  record(about: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void;
  /** The same, told by another component than {@link NODE_COMPONENT}. */
  as(component: string): Pick<EventRecorder, "record">;
  /** Writes what waits. */
  flush(): void;
}

/** What acts as the kubelet. */
export const NODE_COMPONENT = "minke";

interface Pending {
  readonly about: KubeObject;
  readonly type: EventType;
  readonly reason: string;
  message: string;
  readonly fieldPath: string | undefined;
  readonly component: string;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

export interface EventRecorderOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The node's name. */
  readonly node: string;
}

/** Where an event is in the store. */
interface Place {
  readonly namespace: string;
  readonly name: string;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new StoreEventRecorder(options);
}

class StoreEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #pending = new Map<string, Pending>();
  /** Key of an event → its place in the store, oldest use first. */
  readonly #stored = new Map<string, Place>();
  readonly #similar = new Map<string, { readonly messages: Set<string>; lastMs: number }>();
  #serial = 0;
  #timer: Disposable | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    for (const item of options.store.list("events").items) {
      const event = item as Event;
      // What clients have written is theirs.
      if (event.source?.host !== options.node) continue;
      const place = { namespace: event.metadata.namespace ?? "", name: event.metadata.name ?? "" };
      this.#stored.set(`${place.namespace}/${place.name}`, place);
    }
  }

  record(about: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void {
    this.#note({ about, type, reason, message, fieldPath, component: NODE_COMPONENT });
  }

  as(component: string): Pick<EventRecorder, "record"> {
    return {
      record: (about, type, reason, message, fieldPath) =>
        this.#note({ about, type, reason, message, fieldPath, component }),
    };
  }

  #note(what: Pick<Pending, "about" | "type" | "reason" | "message" | "fieldPath" | "component">): void {
    const { clock } = this.#options;
    const { about, type, reason, message: text, fieldPath, component } = what;
    const plain = text.length > MESSAGE_MAX ? `${text.slice(0, MESSAGE_MAX - 3)}...` : text;
    const now = clock.now();
    const kind = JSON.stringify([about.metadata.uid ?? about.metadata.name, type, reason, fieldPath, component]);
    const combined = this.#isOneOfMany(kind, plain, now);
    const message = combined ? (COMBINED + plain).slice(0, MESSAGE_MAX) : plain;
    const key = combined ? `${kind} combined` : `${kind} ${message}`;
    const known = this.#pending.get(key);
    if (known) {
      known.count++;
      known.lastMs = now;
      known.message = message;
    } else if (this.#pending.size < PENDING_MAX) {
      this.#pending.set(key, { ...what, message, firstMs: now, lastMs: now, count: 1 });
    }
    this.#timer ??= clock.timer(FLUSH_DELAY_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    for (const [key, entry] of this.#pending) {
      this.#pending.delete(key);
      try {
        this.#write(key, entry);
      } catch (error) {
        const { about, reason } = entry;
        const facts = { kind: about.kind, name: about.metadata.name, reason, error: messageOf(error) };
        this.#options.log.warn(facts, "Event not written");
      }
    }
    this.#prune();
  }

  /** True when so many others of its kind came lately that it is not told by itself any more. */
  #isOneOfMany(kind: string, message: string, now: number): boolean {
    let seen = this.#similar.get(kind);
    if (!seen || now - seen.lastMs > SIMILAR_MS) seen = { messages: new Set(), lastMs: now };
    this.#similar.delete(kind);
    this.#similar.set(kind, seen);
    for (const oldest of this.#similar.keys()) {
      if (this.#similar.size <= SIMILAR_KINDS_MAX) break;
      this.#similar.delete(oldest);
    }
    seen.lastMs = now;
    if (seen.messages.size < SIMILAR_MAX) seen.messages.add(message);
    return !seen.messages.has(message);
  }

  #write(key: string, entry: Pending): void {
    const { store, node } = this.#options;
    const place = this.#stored.get(key);
    const existing = place && store.get({ resource: "events", namespace: place.namespace, name: place.name });
    this.#stored.delete(key);
    if (place && existing) {
      const event = existing as Event;
      const count = (event.count ?? 1) + entry.count;
      const next = { ...event, count, message: entry.message, lastTimestamp: rfc3339(entry.lastMs) };
      store.update("events", next, "async");
      this.#stored.set(key, place);
      return;
    }
    const name = `${entry.about.metadata.name ?? ""}.${(entry.firstMs * 1000 + (this.#serial++ % 1000)).toString(16)}`;
    const created = store.create("events", eventOf(entry, name, node), "async");
    this.#stored.set(key, { namespace: created.metadata.namespace ?? "", name });
  }

  #prune(): void {
    const { store } = this.#options;
    for (const [key, place] of this.#stored) {
      if (this.#stored.size <= STORED_MAX) break;
      this.#stored.delete(key);
      try {
        store.delete({ resource: "events", namespace: place.namespace, name: place.name });
      } catch {
        // Someone else removed it.
      }
    }
  }
}

function eventOf(entry: Pending, name: string, node: string): Event {
  const { apiVersion, kind, metadata } = entry.about;
  // Events of objects without a namespace are in `default`.
  const namespace = metadata.namespace ?? "default";
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace, uid: newUid(), creationTimestamp: rfc3339(entry.firstMs) },
    involvedObject: {
      apiVersion,
      kind,
      name: metadata.name ?? "",
      ...(metadata.namespace === undefined ? {} : { namespace }),
      uid: metadata.uid ?? "",
      ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
      ...(entry.fieldPath === undefined ? {} : { fieldPath: entry.fieldPath }),
    },
    reason: entry.reason,
    message: entry.message,
    type: entry.type,
    count: entry.count,
    firstTimestamp: rfc3339(entry.firstMs),
    lastTimestamp: rfc3339(entry.lastMs),
    source: { component: entry.component, host: node },
    reportingComponent: entry.component,
    reportingInstance: node,
  };
}
