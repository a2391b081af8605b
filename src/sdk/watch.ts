/**
 * Watching that does not miss and does not end by itself: it resumes at the last resource version when the connection ends,
 * and lists anew, telling the differences, when the server's history no longer reaches back (410 Expired).
 */
import type { Status } from "../api/gen/types.ts";
import { sleep, systemClock } from "../base/clock.ts";
import { isMinkeError } from "../base/errors.ts";
import type { KubeObject } from "../api/object.ts";
import { linesOf } from "./body.ts";
import type { Http } from "./http.ts";
import { type QueryValue, withQuery } from "./query.ts";
import { errorOfStatus, isExpired } from "./status-error.ts";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

export interface WatchOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Where to start; without it the present objects come first, as ADDED. */
  readonly resourceVersion?: string;
  /** Ends the watch: the iteration stops without an error. */
  readonly signal?: AbortSignal;
}

/** What a list answers with. */
export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly resourceVersion?: string };
}

/** How often in a row a lost connection is tried again, and the pauses in between (milliseconds, doubling). */
const RECONNECTS_MAX = 5;
const RECONNECT_PAUSE_MS = 100;

/** Watches the collection at `path`. Throws when the node stays away, and on any error that trying again can not mend. */
export async function* watchCollection<T extends KubeObject>(
  http: Http,
  path: string,
  options: WatchOptions = {},
): AsyncGenerator<WatchEvent<T>> {
  const { signal } = options;
  const query = { labelSelector: options.labelSelector, fieldSelector: options.fieldSelector };
  const known = new Map<string, T>();
  let version = options.resourceVersion;
  let failures = 0;
  for (;;) {
    if (signal?.aborted) return;
    try {
      if (version === undefined) {
        const list = await http.json<ObjectList<T>>("GET", withQuery(path, query), signal ? { signal } : {});
        version = list.metadata.resourceVersion ?? "0";
        yield* differences(known, list.items);
      }
      for await (const event of watchOnce<T>(http, path, { query, version, ...(signal ? { signal } : {}) })) {
        failures = 0;
        version = event.object.metadata.resourceVersion ?? version;
        if (event.type === "BOOKMARK") continue;
        remember(known, event as WatchEvent<T>);
        yield event as WatchEvent<T>;
      }
      // The server ended the watch, as servers do now and then; the pause keeps a broken one from being asked in a tight loop.
      await sleep(systemClock, RECONNECT_PAUSE_MS, signal).catch(() => {});
    } catch (error) {
      if (signal?.aborted) return;
      if (isExpired(error)) version = undefined;
      else if (!isMinkeError(error, "Unavailable") || ++failures > RECONNECTS_MAX) throw error;
      else await sleep(systemClock, RECONNECT_PAUSE_MS * 2 ** (failures - 1), signal).catch(() => {});
    }
  }
}

interface OnceOptions {
  readonly query: Readonly<Record<string, QueryValue>>;
  readonly version: string;
  readonly signal?: AbortSignal;
}

interface WireEvent<T> {
  readonly type: WatchEvent<T>["type"] | "BOOKMARK";
  readonly object: T;
}

/** One connection's worth of events. A connection that breaks ends it, or throws `Unavailable`. */
async function* watchOnce<T>(http: Http, path: string, options: OnceOptions): AsyncGenerator<WireEvent<T>> {
  const url = withQuery(path, {
    ...options.query,
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: options.version,
  });
  const response = await http.stream("GET", url, options.signal ? { signal: options.signal } : {});
  try {
    for await (const line of linesOf(response.body)) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === "ERROR") throw errorOfStatus(event.object as Status);
      yield event as WireEvent<T>;
    }
  } catch (error) {
    // A daemon that is killed cuts the body off, perhaps inside a line: the same as an ended connection.
    if (isMinkeError(error) || !(error instanceof Error)) throw error;
  }
}

/** What changed between what was known and a fresh list. Brings `known` up to date. */
function* differences<T extends KubeObject>(known: Map<string, T>, items: readonly T[]): Generator<WatchEvent<T>> {
  const present = new Set<string>();
  for (const object of items) {
    const key = keyOf(object);
    present.add(key);
    const before = known.get(key);
    known.set(key, object);
    if (before?.metadata.uid !== undefined && before.metadata.uid !== object.metadata.uid) {
      yield { type: "DELETED", object: before };
      yield { type: "ADDED", object };
    } else if (!before) yield { type: "ADDED", object };
    else if (before.metadata.resourceVersion !== object.metadata.resourceVersion) yield { type: "MODIFIED", object };
  }
  for (const [key, object] of known) {
    if (present.has(key)) continue;
    known.delete(key);
    yield { type: "DELETED", object };
  }
}

function remember<T extends KubeObject>(known: Map<string, T>, event: WatchEvent<T>): void {
  if (event.type === "DELETED") known.delete(keyOf(event.object));
  else known.set(keyOf(event.object), event.object);
}

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name ?? ""}`;
}
