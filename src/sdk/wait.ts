/** Waiting for a state of one object, from a list and a watch that starts at the list's version: nothing can slip between. */
import { systemClock } from "../base/clock.ts";
import { MinkeError } from "../base/errors.ts";
import type { KubeObject } from "../api/object.ts";
import type { Http } from "./http.ts";
import { withQuery } from "./query.ts";
import { type ObjectList, watchCollection } from "./watch.ts";

export interface WaitOptions {
  /** Milliseconds until it rejects with `DeadlineExceeded`; default: waits for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** One object of a collection. */
export interface WaitTarget {
  /** The collection's path. */
  readonly path: string;
  readonly name: string;
}

/**
 * Resolves with the object as soon as `condition` is true of it; `condition` gets undefined while there is no such object
 * (or no longer), so that waiting for a deletion is `(object) => object === undefined`.
 */
export async function waitForObject<T extends KubeObject>(
  http: Http,
  target: WaitTarget,
  condition: (object: T | undefined) => boolean,
  options: WaitOptions = {},
): Promise<T | undefined> {
  const ended = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ended.signal]) : ended.signal;
  using _timer =
    options.timeoutMs === undefined
      ? undefined
      : systemClock.timer(options.timeoutMs, () => ended.abort(timeout(target.name)));
  const fieldSelector = `metadata.name=${target.name}`;
  try {
    const first = await listOne<T>(http, target, signal);
    if (condition(first.object)) return first.object;
    const watch = watchCollection<T>(http, target.path, { fieldSelector, resourceVersion: first.version, signal });
    for await (const event of watch) {
      const object = event.type === "DELETED" ? undefined : event.object;
      if (condition(object)) return object;
    }
    throw signal.reason as Error;
  } finally {
    ended.abort();
  }
}

async function listOne<T extends KubeObject>(http: Http, target: WaitTarget, signal: AbortSignal): Promise<First<T>> {
  const url = withQuery(target.path, { fieldSelector: `metadata.name=${target.name}` });
  const list = await http.json<ObjectList<T>>("GET", url, { signal });
  return { object: list.items[0], version: list.metadata.resourceVersion ?? "0" };
}

interface First<T> {
  readonly object: T | undefined;
  readonly version: string;
}

function timeout(name: string): MinkeError {
  return new MinkeError("DeadlineExceeded", `Cannot wait longer for "${name}": timed out waiting for the condition`, {
    reason: "Timeout",
  });
}
