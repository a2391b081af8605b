/**
 * The events of one watcher on their way out: in order, no faster than it reads, and not before the store will keep them.
 * Kubernetes: apiserver endpoints/handlers/watch.go.
 */
import type { ServerResponse } from "node:http";

import type { KubeObject } from "../../../api/object.ts";
import { apiVersionOf } from "../../../api/resources.ts";
import { statusOf } from "../../../api/status.ts";
import type { ResourceContext } from "../context.ts";
import { outputFormOf } from "../negotiate.ts";
import type { OutputForm } from "../negotiate.ts";
import { startStream } from "../respond.ts";
import { asForm, requireForm } from "../table-format.ts";

/**
 * How many events of one watcher may wait, besides those it begins with. As many as the store's history holds: who is
 * further behind could not go on by itself either.
 */
const WAITING_MAX_EVENTS = 10_000;

export type WatchType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

interface Frame {
  /** Of the store when the frame came: it waits until all up to there is durable. */
  readonly version: number;
  readonly type: WatchType;
  readonly object: object;
}

export class WatchStream {
  readonly #context: ResourceContext;
  readonly #form: OutputForm;
  readonly #response: ServerResponse;
  #waiting: Frame[] = [];
  /** How many of `#waiting`, at its front, the watcher begins with. */
  #initial = 0;
  #starting = true;
  #blocked = false;
  #syncing = false;
  #columnsSent = false;
  #bookmarked = "";
  readonly #drained = Promise.withResolvers<void>();
  #ending = false;

  constructor(context: ResourceContext) {
    this.#context = context;
    this.#form = outputFormOf(context, "stream");
    requireForm(context, this.#form, false);
    this.#response = startStream(context, "application/json");
    this.#response.on("close", () => this.#drained.resolve());
  }

  send(type: WatchType, object: object): void {
    if (this.#response.destroyed || this.#ending) return;
    if (this.#starting) this.#initial++;
    else if (this.#waiting.length - this.#initial >= WAITING_MAX_EVENTS) return this.#cutOff();
    this.#waiting.push({ type, object, version: Number(this.#context.node.store.version()) });
    this.#pump();
  }

  /** Everything so far is what the watcher begins with; what comes now is bounded. */
  started(): void {
    this.#starting = false;
  }

  /** Tells the version up to which the watcher has seen everything; `initialEnd` marks the end of the initial events. */
  bookmark(resourceVersion: string, initialEnd = false): void {
    if (!initialEnd && resourceVersion === this.#bookmarked) return;
    this.#bookmarked = resourceVersion;
    const { resource } = this.#context;
    this.send("BOOKMARK", {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: {
        resourceVersion,
        ...(initialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
      },
    });
  }

  error(error: unknown): void {
    this.send("ERROR", statusOf(error));
  }

  /** Ends the response when all is written; at once when the server stops or the client has gone. */
  async end(): Promise<void> {
    this.#ending = true;
    if (this.#context.signal.aborted) this.#waiting = [];
    this.#pump();
    await this.#drained.promise;
    this.#response.end();
  }

  #pump(): void {
    let written = 0;
    const durable = Number(this.#context.node.store.durableVersion());
    while (!this.#blocked && written < this.#waiting.length) {
      if (this.#waiting[written]!.version > durable) {
        void this.#awaitSync();
        break;
      }
      this.#blocked = !this.#response.write(this.#line(this.#waiting[written++]!));
      if (this.#blocked) this.#response.once("drain", () => this.#unblock());
    }
    if (written > 0) this.#waiting = this.#waiting.slice(written);
    this.#initial = Math.max(0, this.#initial - written);
    if (this.#ending && this.#waiting.length === 0) this.#drained.resolve();
  }

  async #awaitSync(): Promise<void> {
    if (this.#syncing) return;
    this.#syncing = true;
    try {
      await this.#context.node.store.synced();
      this.#syncing = false;
      this.#pump();
    } catch {
      // Nothing that comes now can be told any more.
      this.#response.destroy();
    }
  }

  #unblock(): void {
    this.#blocked = false;
    this.#pump();
  }

  #cutOff(): void {
    const { node, path } = this.#context;
    node.log.info({ path, waiting: this.#waiting.length }, "Cut off a watcher that reads too slowly");
    this.#waiting = [];
    this.#response.destroy();
  }

  #line({ type, object }: Frame): string {
    const text =
      type === "ERROR" || this.#form.as === undefined ? jsonOf(object) : JSON.stringify(this.#formed(type, object));
    return `{"type":"${type}","object":${text}}\n`;
  }

  #formed(type: WatchType, object: object): object {
    const formed = asForm(this.#context, object as KubeObject, this.#form);
    if (this.#form.as !== "Table") return formed;
    // A bookmark is about no object: its row has no cells. Only the first table of a stream carries the columns.
    const table = type === "BOOKMARK" ? { ...formed, rows: [{ cells: [], object }] } : formed;
    if (this.#columnsSent) return { ...table, columnDefinitions: null };
    this.#columnsSent = true;
    return table;
  }
}

/** How much text of events is kept for the next watcher, in characters. */
const TEXTS_MAX_CHARS = 1 << 20;
/** What becomes durable at once goes to one watcher after the other, so each needs the texts that the first one has made. */
const texts = new Map<object, string>();
let textsChars = 0;

function jsonOf(object: object): string {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify(object);
  texts.set(object, text);
  textsChars += text.length;
  for (const [oldest, its] of texts) {
    if (textsChars <= TEXTS_MAX_CHARS || oldest === object) break;
    texts.delete(oldest);
    textsChars -= its.length;
  }
  return text;
}
