/**
 * WATCH: the changes of a collection as JSON lines. The watcher sees every change once and in order; who reads too slowly
 * is cut off, and continues from the last version it has seen. Kubernetes: apiserver endpoints/handlers/watch.go.
 */
import type { KubeObject } from "../../../api/object.ts";
import { apiVersionOf, resourceNameOf } from "../../../api/resources.ts";
import { selects } from "../../../api/selector.ts";
import type { Selector } from "../../../api/selector.ts";
import { badRequest, statusOf } from "../../../api/status.ts";
import { isMinkeError } from "../../../base/errors.ts";
import type { StoreEvent } from "../../../store/store.ts";
import type { ResourceContext } from "../context.ts";
import { isTrue } from "../request-info.ts";
import { startStream } from "../respond.ts";
import { isTable, renderTable } from "../table-format.ts";
import { selected, selectorOf } from "./list.ts";

/** How many bytes of one watcher may wait in memory. */
const BUFFER_MAX_BYTES = 8 * 1024 * 1024;
/** How often a watcher that wants bookmarks learns of versions that did not concern it, in milliseconds. */
const BOOKMARK_EVERY_MS = 60_000;
/** A watch ends after this long when the client does not say; it comes back by itself. */
const TIMEOUT_DEFAULT_S = 24 * 3600;

type WatchType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

export async function watchObjects(context: ResourceContext): Promise<void> {
  const { node, query, resource, info } = context;
  const selector = selectorOf(context);
  const from = query.get("resourceVersion") ?? "";
  const initial = isTrue(query.get("sendInitialEvents"));
  const bookmarks = isTrue(query.get("allowWatchBookmarks"));
  if (!/^\d*$/.test(from)) throw badRequest(`Invalid value: "${from}": resource version must be a decimal number`);
  const stream = new WatchStream(context);
  // Everything up to the subscription runs in one turn, so no change falls between the list and the watch.
  let since = from;
  if (initial || from === "" || from === "0") {
    const { items, resourceVersion } = selected(context);
    for (const object of items) stream.send("ADDED", object);
    if (initial && bookmarks) stream.bookmark(resourceVersion, true);
    since = resourceVersion;
  }
  try {
    using _subscription = node.store.watch(
      resourceNameOf(resource),
      (event) => {
        if (info.namespace !== "" && event.object.metadata.namespace !== info.namespace) return;
        const type = typeFor(selector, event);
        if (type) stream.send(type, event.object);
      },
      since,
    );
    using _bookmarks = bookmarks ? repeat(context, () => stream.bookmark(node.store.version())) : undefined;
    await untilEnd(context);
    if (bookmarks) stream.bookmark(node.store.version());
  } catch (error) {
    if (!isMinkeError(error)) throw error;
    stream.error(error);
  }
  stream.end();
}

/** What a change is for a watcher that sees only what its selector leaves; undefined when it sees nothing of it. */
function typeFor(selector: Selector, event: StoreEvent): WatchType | undefined {
  const now = event.type !== "DELETED" && selects(selector, event.object);
  const before = event.previous !== undefined && selects(selector, event.previous);
  if (now) return before ? "MODIFIED" : "ADDED";
  return before ? "DELETED" : undefined;
}

class WatchStream {
  readonly #context: ResourceContext;
  readonly #table: boolean;
  readonly #write: (line: string) => void;
  #bookmarked = "";
  #columnsSent = false;

  constructor(context: ResourceContext) {
    this.#context = context;
    this.#table = isTable(context);
    const response = startStream(context, "application/json");
    this.#write = (line) => {
      if (response.destroyed || response.writableEnded) return;
      response.write(line);
      if (response.writableLength <= BUFFER_MAX_BYTES) return;
      context.node.log.info({ path: context.path }, "Cut off a watcher that reads too slowly");
      response.destroy();
    };
  }

  send(type: WatchType, object: KubeObject): void {
    this.#line(type, this.#table ? this.#tableOf(object) : object);
  }

  /** Tells the version up to which the watcher has seen everything; `initialEnd` marks the end of the initial events. */
  bookmark(resourceVersion: string, initialEnd = false): void {
    if (!initialEnd && resourceVersion === this.#bookmarked) return;
    this.#bookmarked = resourceVersion;
    const { resource } = this.#context;
    const object: KubeObject = {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion,
        ...(initialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
      },
    };
    this.#line("BOOKMARK", this.#table ? { ...this.#tableOf(object), rows: [{ cells: [], object }] } : object);
  }

  error(error: unknown): void {
    this.#line("ERROR", statusOf(error));
  }

  end(): void {
    this.#context.response.end();
  }

  #line(type: WatchType, object: unknown): void {
    this.#write(`${JSON.stringify({ type, object })}\n`);
  }

  /** Only the first table of a stream carries the columns. */
  #tableOf(object: KubeObject): object {
    const table = renderTable(this.#context, [object]);
    if (this.#columnsSent) return { ...table, columnDefinitions: null };
    this.#columnsSent = true;
    return table;
  }
}

/** Resolves when the client leaves, the server stops or the client's `timeoutSeconds` are over. */
async function untilEnd({ node, query, signal, response }: ResourceContext): Promise<void> {
  const seconds = Number(query.get("timeoutSeconds") ?? TIMEOUT_DEFAULT_S);
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
