/**
 * Kubernetes Events: what a person reads to learn what happened to a Pod. They are collected and written a moment later,
 * off the hot path, with `async` durability; equal ones are counted instead of repeated, and old ones are removed.
 */
import type { Event, Pod } from "../api/gen/types.ts";
import type { Clock } from "../base/clock.ts";
import { rfc3339 } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Store } from "../store/store.ts";

/** Events wait this long for others, milliseconds. */
const FLUSH_DELAY_MS = 20;
/** Events that wait to be written; beyond it the newest are dropped. */
const PENDING_MAX = 1_000;
/** Events kept in the store; the oldest go first. */
const STORED_MAX = 5_000;
/** How long an event is kept, as the API server does: 1 hour. */
const TTL_MS = 3_600_000;
const MESSAGE_MAX = 1024;

export type EventType = "Normal" | "Warning";

export interface EventRecorder {
  /** Notes an event of the Pod, or of one of its containers when `container` gives its field path. */
  record(pod: Pod, type: EventType, reason: string, message: string, fieldPath?: string): void;
  /** Writes what waits. */
  flush(): void;
}

interface Pending {
  readonly pod: Pod;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly fieldPath: string | undefined;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

export interface EventRecorderOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: string;
}

/** The field path of a container, as Events name it. */
export function containerPath(kind: "init" | "main", name: string): string {
  return `spec.${kind === "init" ? "initContainers" : "containers"}{${name}}`;
}

export function createEventRecorder({ store, clock, log, node }: EventRecorderOptions): EventRecorder {
  const pending = new Map<string, Pending>();
  /** Key of an event → its place in the store, oldest use first. */
  const stored = new Map<string, { readonly namespace: string; readonly name: string; readonly lastMs: number }>();
  for (const item of store.list("events").items) {
    const event = item as Event;
    if (event.source?.component !== COMPONENT) continue;
    const lastMs = Date.parse(event.lastTimestamp ?? "") || 0;
    const place = { namespace: event.metadata.namespace ?? "", name: event.metadata.name ?? "", lastMs };
    stored.set(`${place.namespace}/${place.name}`, place);
  }
  let serial = 0;
  let timer: Disposable | undefined;

  const prune = (): void => {
    const oldest = clock.now() - TTL_MS;
    for (const [key, place] of stored) {
      if (stored.size <= STORED_MAX && place.lastMs >= oldest) break;
      stored.delete(key);
      try {
        store.delete({ resource: "events", namespace: place.namespace, name: place.name });
      } catch {
        // Someone else removed it.
      }
    }
  };

  const write = (key: string, entry: Pending): void => {
    const place = stored.get(key);
    const existing = place && store.get({ resource: "events", namespace: place.namespace, name: place.name });
    stored.delete(key);
    if (place && existing) {
      const event = existing as Event;
      const count = (event.count ?? 1) + entry.count;
      store.update("events", { ...event, count, lastTimestamp: rfc3339(entry.lastMs) }, "async");
      stored.set(key, { ...place, lastMs: entry.lastMs });
      return;
    }
    const name = `${entry.pod.metadata.name ?? ""}.${(entry.firstMs * 1000 + (serial++ % 1000)).toString(16)}`;
    const created = store.create("events", eventOf(entry, name, node), "async");
    stored.set(key, { namespace: created.metadata.namespace ?? "", name, lastMs: entry.lastMs });
  };

  const flush = (): void => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    for (const [key, entry] of pending) {
      pending.delete(key);
      try {
        write(key, entry);
      } catch (error) {
        log.warn({ pod: entry.pod.metadata.name, reason: entry.reason, error: messageOf(error) }, "Event not written");
      }
    }
    prune();
  };

  return {
    record(pod, type, reason, text, fieldPath) {
      const message = text.length > MESSAGE_MAX ? `${text.slice(0, MESSAGE_MAX - 3)}...` : text;
      const key = JSON.stringify([pod.metadata.uid, type, reason, message, fieldPath]);
      const now = clock.now();
      const known = pending.get(key);
      if (known) {
        known.count++;
        known.lastMs = now;
      } else if (pending.size < PENDING_MAX) {
        pending.set(key, { pod, type, reason, message, fieldPath, firstMs: now, lastMs: now, count: 1 });
      }
      timer ??= clock.timer(FLUSH_DELAY_MS, flush);
    },
    flush,
  };
}

const COMPONENT = "minke";

function eventOf(entry: Pending, name: string, node: string): Event {
  const { metadata } = entry.pod;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: metadata.namespace ?? "default", creationTimestamp: rfc3339(entry.firstMs) },
    involvedObject: {
      apiVersion: "v1",
      kind: "Pod",
      name: metadata.name ?? "",
      namespace: metadata.namespace ?? "",
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
    source: { component: COMPONENT, host: node },
    reportingComponent: COMPONENT,
    reportingInstance: node,
  };
}
