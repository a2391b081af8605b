/**
 * WATCH: the changes of a collection as JSON lines. The watcher sees every change once and in order; who reads too slowly
 * is cut off, and continues from the last version it has seen. Kubernetes: apiserver storage/cacher.
 */
import type { KubeObject } from "../../../api/object.ts";
import { resourceNameOf } from "../../../api/resources.ts";
import { selects } from "../../../api/selector.ts";
import type { Selector } from "../../../api/selector.ts";
import { isMinkeError } from "../../../base/errors.ts";
import type { StoreEvent } from "../../../store/store.ts";
import type { ResourceContext } from "../context.ts";
import { isTrue } from "../request-info.ts";
import { integerOf, requireListOptions, requireNotAhead, selectorOf } from "./list-options.ts";
import { selected } from "./list.ts";
import { WatchStream } from "./watch-stream.ts";
import type { WatchType } from "./watch-stream.ts";

/** How often a watcher that wants bookmarks learns of versions that did not concern it, in milliseconds. */
const BOOKMARK_EVERY_MS = 60_000;
/** A watch ends after this long when the client does not say; it comes back by itself. */
const TIMEOUT_DEFAULT_S = 24 * 3600;

export async function watchObjects(context: ResourceContext): Promise<void> {
  const { node, query } = context;
  requireListOptions(context);
  const selector = selectorOf(context);
  const bookmarks = isTrue(query.get("allowWatchBookmarks"));
  const start = startOf(context);
  const stream = new WatchStream(context);
  try {
    // Until the first wait all runs in one turn, so no change falls between the list and the watch.
    using _subscription = subscribe(context, stream, selector, start);
    using _bookmarks = bookmarks ? repeat(context, () => stream.bookmark(node.store.version())) : undefined;
    await untilEnd(context);
    if (bookmarks) stream.bookmark(node.store.version());
  } catch (error) {
    if (!isMinkeError(error)) throw error;
    stream.error(error);
  }
  await stream.end();
}

interface Start {
  /** Whether the watcher first gets what is there, as if it were added now. */
  readonly initial: boolean;
  /** Where it goes on when it does not: a version, or from now. */
  readonly since: string | undefined;
  /** Whether the end of the initial events is marked. */
  readonly mark: boolean;
}

/** From `resourceVersion` and `sendInitialEvents`; without a version a watch begins with what is there, unless told otherwise. */
function startOf(context: ResourceContext): Start {
  const { query } = context;
  const version = query.get("resourceVersion") ?? "";
  const since = version === "" || version === "0" ? undefined : version;
  const asked = query.has("sendInitialEvents") ? isTrue(query.get("sendInitialEvents")) : undefined;
  if (asked && since !== undefined) requireNotAhead(context, since);
  const mark = asked === true && isTrue(query.get("allowWatchBookmarks"));
  return { initial: asked ?? since === undefined, since, mark };
}

function subscribe(context: ResourceContext, stream: WatchStream, selector: Selector, start: Start): Disposable {
  const { node, resource, info } = context;
  let { since } = start;
  if (start.initial) {
    const { items, resourceVersion } = selected(context, selector);
    for (const object of items) stream.send("ADDED", object);
    if (start.mark) stream.bookmark(resourceVersion, true);
    since = resourceVersion;
  }
  const onEvent = (event: StoreEvent): void => {
    if (info.namespace !== "" && event.object.metadata.namespace !== info.namespace) return;
    const seen = seenBy(selector, event);
    if (seen) stream.send(seen.type, seen.object);
  };
  const subscription = node.store.watch(resourceNameOf(resource), onEvent, since);
  stream.started();
  return subscription;
}

/**
 * What a change is for a watcher that sees only what its selector leaves; undefined when it sees nothing of it. What leaves
 * the selector is deleted as it was last seen, at the version of the change.
 */
function seenBy(
  selector: Selector,
  { type, object, previous }: StoreEvent,
): { readonly type: WatchType; readonly object: KubeObject } | undefined {
  const now = type !== "DELETED" && selects(selector, object);
  const before = previous !== undefined && selects(selector, previous);
  if (now) return { type: before ? "MODIFIED" : "ADDED", object };
  if (!before) return undefined;
  const { resourceVersion } = object.metadata;
  const left =
    type === "DELETED"
      ? object
      : { ...previous, metadata: { ...previous.metadata, resourceVersion: resourceVersion! } };
  return { type: "DELETED", object: left };
}

/** Resolves when the client leaves, the server stops or the client's `timeoutSeconds` are over. */
async function untilEnd({ node, query, signal, response }: ResourceContext): Promise<void> {
  const seconds = integerOf(query, "timeoutSeconds") ?? 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ = node.clock.timer((seconds > 0 ? seconds : TIMEOUT_DEFAULT_S) * 1000, resolve);
  signal.addEventListener("abort", () => resolve(), { once: true });
  response.on("close", () => resolve());
  if (!signal.aborted) await promise;
}

function repeat({ node }: ResourceContext, task: () => void): Disposable {
  let timer: Disposable;
  const arm = (): void => {
    timer = node.clock.timer(BOOKMARK_EVERY_MS, () => {
      task();
      arm();
    });
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
