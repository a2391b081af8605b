/** The engine: one worker per Pod UID, woken by the store, the runtime and timers. See `engine.ts` for the contract. */
import type { Pod } from "../api/gen/types.ts";
import { messageOf } from "../base/errors.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { ObjectKey, StoreEvent } from "../store/store.ts";
import type { Deps, EngineOptions } from "./deps.ts";
import type { Engine } from "./engine.ts";
import { findRunning, findSandbox } from "./find.ts";
import { createImagePuller } from "./image-puller.ts";
import { createLogKeeper } from "./log-keeper.ts";
import { podStats } from "./pod-stats.ts";
import { PodWorker } from "./worker.ts";

export type { EngineOptions, EnginePaths, NodeInfo } from "./deps.ts";

/** Sandboxes and containers that are made at the same time; more only makes each of them slower. */
const STARTS_MAX = 16;
/** Pods whose volumes are prepared at the same time: each looks at the machine's mounts. */
const VOLUMES_MAX = 16;
/** Sandboxes, containers and Pods that are taken away at the same time; waiting for a grace period takes no place. */
const ENDS_MAX = 16;
/** Pause before the runtime's events are followed again after their stream broke, milliseconds. */
const EVENTS_RETRY_MS = 1_000;

export function createEngine(options: EngineOptions): Engine {
  return new NodeEngine(options);
}

class NodeEngine implements Engine {
  readonly #deps: Deps;
  readonly #workers = new Map<string, PodWorker>();
  /** Where the store has the Pod of a UID. */
  readonly #keys = new Map<string, ObjectKey>();
  readonly #stopping = new AbortController();
  readonly #watches = new DisposableStack();

  constructor(options: EngineOptions) {
    const { store, runtime, images, events, clock, log, paths } = options;
    this.#deps = {
      ...options,
      puller: createImagePuller({ images, events, clock, store }),
      logs: createLogKeeper({ runtime, clock, log, ...paths }),
      startSlots: new Semaphore(STARTS_MAX),
      volumeSlots: new Semaphore(VOLUMES_MAX),
      endSlots: new Semaphore(ENDS_MAX),
    };
  }

  async start(): Promise<void> {
    const { store, runtime, volumes, logs } = this.#deps;
    this.#watches.use(store.watch("pods", (event) => this.#podChanged(event)));
    for (const resource of ["configmaps", "secrets"] as const) {
      this.#watches.use(store.watch(resource, (event) => this.#inputChanged(resource, event)));
    }
    void this.#follow();
    for (const item of store.list("pods").items) this.#know(item as Pod);
    const [sandboxes, containers, prepared] = await Promise.all([
      runtime.sandboxes({ owner: "engine" }),
      runtime.containers({ owner: "engine" }),
      volumes.prepared(),
    ]);
    // What nobody in the store knows any more gets a worker as well: it takes it away.
    for (const sandbox of sandboxes) this.#worker(sandbox.config.metadata.uid);
    for (const container of containers) {
      const uid = container.config.labels["io.kubernetes.pod.uid"];
      if (uid) this.#worker(uid);
    }
    for (const uid of prepared) this.#worker(uid);
    await logs.sweep(new Set(this.#workers.keys()));
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.wake();
    await Promise.all(workers.map((worker) => worker.idle()));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#watches.dispose();
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    this.#deps.logs.stop();
    this.#deps.events.flush();
  }

  async container(pod: Pod, containerName: string, options: { readonly previous?: boolean } = {}) {
    return await findRunning(this.#deps.runtime, pod, containerName, options.previous ?? false);
  }

  async sandbox(pod: Pod): Promise<string> {
    return await findSandbox(this.#deps.runtime, pod);
  }

  async stats(namespace?: string) {
    return await podStats(this.#deps, namespace);
  }

  #podChanged({ type, object }: StoreEvent): void {
    const uid = object.metadata.uid ?? "";
    if (type === "DELETED") {
      this.#keys.delete(uid);
      // Deleted by force: what runs of it goes.
      this.#worker(uid).wake();
      return;
    }
    const worker = this.#know(object as Pod);
    if (worker && !worker.writing) worker.wake();
  }

  /** A ConfigMap or Secret changed: Pods that wait for one try again, and volumes show it. What is deleted is shown on. */
  #inputChanged(resource: "configmaps" | "secrets", { type, object }: StoreEvent): void {
    const { namespace, name = "" } = object.metadata;
    for (const [uid, key] of this.#keys) {
      if (key.namespace !== namespace) continue;
      const worker = this.#workers.get(uid);
      worker?.retryNow();
      if (type !== "DELETED") worker?.objectChanged(resource, name);
    }
  }

  #know(pod: Pod): PodWorker | undefined {
    const { uid = "", namespace = "", name = "" } = pod.metadata;
    const nodeName = pod.spec?.nodeName ?? "";
    if (nodeName !== "" && nodeName !== this.#deps.node.name) return undefined;
    this.#keys.set(uid, { resource: "pods", namespace, name });
    return this.#worker(uid);
  }

  #worker(uid: string): PodWorker {
    let worker = this.#workers.get(uid);
    if (!worker) {
      const load = (): Pod | undefined => this.#load(uid);
      const onGone = (): void => void this.#workers.delete(uid);
      this.#workers.set(uid, (worker = new PodWorker({ deps: this.#deps, uid, load, onGone })));
    }
    return worker;
  }

  #load(uid: string): Pod | undefined {
    const key = this.#keys.get(uid);
    const pod = key && (this.#deps.store.get(key) as Pod | undefined);
    return pod?.metadata.uid === uid ? pod : undefined;
  }

  async #follow(): Promise<void> {
    const { runtime, clock, log } = this.#deps;
    const { signal } = this.#stopping;
    try {
      for await (const event of runtime.events(signal)) {
        if (event.owner === "engine") this.#workers.get(event.podUid)?.wake();
      }
    } catch (error) {
      if (!signal.aborted) log.error({ error: messageOf(error) }, "The runtime's events broke off");
    }
    if (signal.aborted) return;
    clock.timer(EVENTS_RETRY_MS, () => {
      if (signal.aborted) return;
      void this.#follow();
      // What happened in between was not told.
      for (const worker of this.#workers.values()) worker.wake();
    });
  }
}
