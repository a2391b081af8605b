/**
 * One Pod's loop: observe → plan → act → status, one at a time, again as long as it was woken meanwhile. Actions run on
 * their own and wake the loop when they are done, so that a delete takes effect while an image is pulled. One timer, for the
 * earliest moment at which time alone changes the plan.
 */
import type { ContainerStatus, Pod } from "../api/gen/types.ts";
import { messageOf } from "../base/errors.ts";
import { showsObject } from "../volume/volume.ts";
import type { Action } from "./action.ts";
import type { Scene } from "./act.ts";
import { crashBackoff, restoreBackoff } from "./crash-backoff.ts";
import type { Deps } from "./deps.ts";
import { endingOf } from "./ending.ts";
import type { Ending } from "./ending.ts";
import { keepGrace } from "./grace.ts";
import { InFlight } from "./in-flight.ts";
import { containerName } from "./labels.ts";
import { newMemory } from "./memory.ts";
import type { PodMemory } from "./memory.ts";
import { isLive, observe } from "./observe.ts";
import type { Observation } from "./observe.ts";
import type { Facts } from "./plan-input.ts";
import { plan } from "./plan.ts";
import { readReplacing, replacedNames } from "./replacing.ts";
import { allocated } from "./resize.ts";
import { showsOld } from "./shown.ts";
import { StatusWriter } from "./status-writer.ts";

/** Pause after a look at the Pod that failed as a whole, milliseconds. */
const FAULT_RETRY_MS = 1_000;

/** How long a daemon that ends waits for the actions of a Pod, milliseconds. */
const DRAIN_MAX_MS = 10_000;

export interface WorkerOptions {
  readonly deps: Deps;
  readonly uid: string;
  /** The Pod as the store has it now; undefined when it does not. */
  readonly load: () => Pod | undefined;
  /** Called once when nothing of an unknown Pod is left. */
  readonly onGone: () => void;
}

export class PodWorker {
  readonly #options: WorkerOptions;
  readonly #memory: PodMemory;
  readonly #inFlight: InFlight;
  readonly #status: StatusWriter;
  #running: Promise<void> | undefined;
  #woken = false;
  #stopped = false;
  #timer: Disposable | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#memory = newMemory(options.uid);
    // Until it has been released once, an earlier life may have left something.
    this.#memory.volumesHeld = true;
    for (const [name, id] of readReplacing(options.deps.paths.podsRoot, options.uid)) {
      this.#memory.replacing.set(name, id);
    }
    const wake = (): void => this.wake();
    this.#inFlight = new InFlight(options.deps, this.#memory, wake);
    this.#status = new StatusWriter(options.deps, this.#memory, wake);
  }

  /** True while it writes the Pod itself: the store's event for that is no news. */
  get writing(): boolean {
    return this.#status.writing;
  }

  get memory(): PodMemory {
    return this.#memory;
  }

  /** Has the Pod looked at, once more if it is being looked at. */
  wake(): void {
    if (this.#stopped) return;
    this.#woken = true;
    this.#running ??= this.#loop();
  }

  /** Resolves when the Pod has been looked at and nothing has woken the worker since. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Forgets failures, so that everything is tried again at once. */
  retryNow(): void {
    if (this.#memory.retries.size === 0) return;
    this.#memory.retries.clear();
    this.wake();
  }

  /** Has volumes that show this object brought up to date. */
  objectChanged(resource: "configmaps" | "secrets", name: string): void {
    const volumes = this.#options.load()?.spec?.volumes ?? [];
    if (!volumes.some((volume) => showsObject(volume, resource, name))) return;
    this.#memory.refreshAtMs = 0;
    this.wake();
  }

  /**
   * Looks no more. Resolves when no action is under way, or after {@link DRAIN_MAX_MS}: a long grace period is kept by the
   * next daemon. Starts are aborted, containers run on.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    this.#status.stop();
    this.#inFlight.abortStarts();
    await this.#running;
    await this.#inFlight.settled(DRAIN_MAX_MS);
  }

  async #loop(): Promise<void> {
    try {
      while (this.#woken && !this.#stopped) {
        this.#woken = false;
        await this.#look();
      }
    } catch (error) {
      const { deps, uid } = this.#options;
      deps.log.error({ podUid: uid, error: messageOf(error) }, "Pod not looked at; tried again soon");
      this.#setTimer(deps.clock.now() + FAULT_RETRY_MS);
    } finally {
      this.#running = undefined;
    }
  }

  async #look(): Promise<void> {
    const { deps, uid, load } = this.#options;
    const ended = this.#inFlight.ended;
    const observed = await observe(deps.runtime, uid);
    // An action that ended meanwhile has woken us: what was seen before its end would have it done twice.
    const isCurrent = (): boolean => !this.#stopped && this.#inFlight.ended === ended;
    if (!isCurrent()) return;
    const now = deps.clock.now();
    // Read after the observation: what was deleted meanwhile is deleted.
    const asked = load();
    const { pod, why: infeasible } = asked ? allocated(asked, deps.node.allocatable) : { pod: undefined };
    const ending = endingOf(pod, now);
    if (ending) {
      keepGrace(this.#memory, pod, ending, now);
      this.#inFlight.abortStarts();
    }
    if (pod)
      for (const container of observed.containers) {
        if (isLive(container)) deps.logs.follow(pod, containerName(container), container);
      }
    if (pod) {
      restoreBackoff(pod, observed, this.#memory);
      if (showsOld(pod, this.#memory.shown)) this.#memory.refreshAtMs = 0;
    }
    const facts = this.#facts(pod, observed, ending, now);
    const actions = plan({ pod, observed, facts, now });
    this.#begin({ deps, pod, memory: this.#memory, observed, wake: () => this.wake() }, actions);
    const starting = this.#inFlight.isStarting();
    if (pod) await this.#status.tell(pod, observed, { ending, infeasible, starting, load, isCurrent });
    if (!pod && actions.length === 0 && this.#inFlight.size === 0) this.#options.onGone();
  }

  #begin(scene: Scene, actions: readonly Action[]): void {
    let wakeAt = Infinity;
    for (const action of actions) {
      if (action.type === "WaitUntil") wakeAt = Math.min(wakeAt, action.atMs);
      else this.#inFlight.begin(scene, action);
      if (action.type === "RunSandbox" && action.attempt > 0 && scene.pod) {
        const message = "Pod sandbox changed, it will be killed and re-created.";
        scene.deps.events.record(scene.pod, "Normal", "SandboxChanged", message);
      }
    }
    this.#setTimer(wakeAt);
  }

  #setTimer(atMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (atMs === Infinity || this.#stopped) return;
    const { clock } = this.#options.deps;
    this.#timer = clock.timer(atMs - clock.now(), () => this.wake());
  }

  #facts(pod: Pod | undefined, observed: Observation, ending: Ending | undefined, now: number): Facts {
    const memory = this.#memory;
    const { events } = this.#options.deps;
    return {
      volumesReady: memory.volumes !== undefined,
      volumesHeld: memory.volumesHeld,
      refreshAtMs: memory.refreshAtMs,
      released: memory.released,
      images: new Set(memory.images.keys()),
      busy: this.#inFlight.keys(),
      retryAt: new Map([...memory.retries].map(([key, retry]) => [key, retry.atMs])),
      backoffUntil: pod && !ending ? crashBackoff(pod, observed, memory, { now, events }) : new Map(),
      replacing: replacedNames(memory, observed),
      killAtMs: memory.grace?.killAtMs ?? now,
      nextAttempt: pod ? attemptsToldBefore(pod) : new Map(),
    };
  }
}

/** For containers of which the runtime has lost every record: the restart count goes on from what was told last. */
function attemptsToldBefore({ status }: Pod): ReadonlyMap<string, number> {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  // One that was made and never ran does not count.
  const ran = ({ containerID, state, lastState }: ContainerStatus): boolean =>
    containerID !== undefined && (state?.waiting === undefined || lastState?.terminated !== undefined);
  return new Map(statuses.filter(ran).map((each) => [each.name, each.restartCount + 1]));
}
