/** The actions of one Pod that are under way: at most one per key, each with its deadline, retry and abort. */
import type { Clock } from "../base/clock.ts";
import { MinkeError, isMinkeError, messageOf } from "../base/errors.ts";
import { DEADLINES_MS, act } from "./act.ts";
import type { Scene } from "./act.ts";
import { isStart, keyOf } from "./action.ts";
import type { Action } from "./action.ts";
import { GRACE_MIN_MS } from "./actions/stop-container.ts";
import type { Deps } from "./deps.ts";
import type { PodMemory } from "./memory.ts";

type Deed = Exclude<Action, { readonly type: "WaitUntil" }>;

/** A failed action waits 1 s, 2 s, 4 s, 8 s, then 10 s each time, as the kubelet's work queue does. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 10_000;

interface Entry {
  readonly abort: AbortController;
  killAtMs: number;
  readonly done: Promise<void>;
}

export class InFlight {
  readonly #deps: Deps;
  readonly #memory: PodMemory;
  readonly #wake: () => void;
  readonly #entries = new Map<string, Entry>();
  #ended = 0;

  constructor(deps: Deps, memory: PodMemory, wake: () => void) {
    this.#deps = deps;
    this.#memory = memory;
    this.#wake = wake;
  }

  /** How many actions have ended: an observation that was begun before the last of them is out of date. */
  get ended(): number {
    return this.#ended;
  }

  get size(): number {
    return this.#entries.size;
  }

  keys(): ReadonlySet<string> {
    return new Set(this.#entries.keys());
  }

  isStarting(): boolean {
    return [...this.#entries.keys()].some(isStart);
  }

  abortStarts(): void {
    for (const [key, entry] of this.#entries) {
      if (isStart(key) && !entry.abort.signal.aborted) entry.abort.abort(new MinkeError("Cancelled", "The Pod ends"));
    }
  }

  /** Resolves when no action is under way, or after `ms`. */
  async settled(ms: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _timer = this.#deps.clock.timer(ms, late.resolve, { keepAlive: true });
    await Promise.race([this.#allDone(), late.promise]);
  }

  async #allDone(): Promise<void> {
    while (this.#entries.size > 0) await Promise.all([...this.#entries.values()].map((entry) => entry.done));
  }

  /** Starts an action, unless one of its key is under way; a stop under way is only ever shortened. */
  begin(scene: Scene, action: Deed): void {
    const key = keyOf(action);
    const killAtMs = killAtOf(scene, action);
    const running = this.#entries.get(key);
    if (running) {
      if (action.type === "StopContainer" && killAtMs < running.killAtMs) this.#shorten(running, action.id, killAtMs);
      return;
    }
    const abort = new AbortController();
    // The entry is there before the action begins: what it does at once must find it.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#entries.set(key, { abort, killAtMs, done: promise });
    const extra = killAtMs === Infinity ? 0 : Math.max(0, killAtMs - this.#deps.clock.now());
    const work = withDeadline(this.#deps.clock, DEADLINES_MS[action.type] + extra, abort, (signal) =>
      act(scene, action, signal),
    );
    const end = (settle: () => void): void => {
      // One step: whoever looks sees the action under way, or done with all that follows from it.
      settle();
      this.#entries.delete(key);
      this.#ended++;
      resolve();
      this.#wake();
    };
    work.then(
      () => end(() => this.#succeeded(action, key)),
      (error: unknown) => end(() => this.#failed(action, key, error, abort.signal)),
    );
  }

  #shorten(entry: Entry, id: string, killAtMs: number): void {
    entry.killAtMs = killAtMs;
    const left = Math.max(0, killAtMs - this.#deps.clock.now());
    this.#deps.runtime.stopContainer(id, left).catch((error: unknown) => {
      this.#deps.log.warn({ container: id, error: messageOf(error) }, "Grace period not shortened");
    });
  }

  #succeeded(action: Deed, key: string): void {
    this.#memory.retries.delete(key);
    if (action.type === "RunContainer" || action.type === "EnsureImage") this.#memory.waiting.delete(action.name);
  }

  #failed(action: Deed, key: string, error: unknown, signal: AbortSignal): void {
    const memory = this.#memory;
    if (signal.aborted && isMinkeError(error, "Cancelled")) return;
    if (action.type === "DeletePodObject" && isMinkeError(error, "NotFound")) return;
    const failures = (memory.retries.get(key)?.failures ?? 0) + 1;
    const delay = Math.min(RETRY_MIN_MS * 2 ** (failures - 1), RETRY_MAX_MS);
    const retryAt = isMinkeError(error) ? error.details["retryAtMs"] : undefined;
    memory.retries.set(key, {
      atMs: typeof retryAt === "number" ? retryAt : this.#deps.clock.now() + delay,
      failures,
    });
    const message = messageOf(error);
    if (action.type === "RunContainer" || action.type === "EnsureImage") {
      memory.waiting.set(action.name, { reason: waitingReason(error), message });
    }
    this.#deps.log.warn({ podUid: memory.uid, action: key, failures, error: message }, "Action failed");
  }
}

/** The container's waiting reason for a failed start. Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go. */
function waitingReason(error: unknown): string {
  const reason = isMinkeError(error) ? error.reason : undefined;
  return reason === undefined || reason === "StartError" ? "RunContainerError" : reason;
}

function killAtOf({ pod, deps }: Scene, action: Deed): number {
  if (action.type !== "StopContainer") return Infinity;
  const grace = (pod?.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  return action.killAtMs ?? deps.clock.now() + Math.max(grace, GRACE_MIN_MS);
}

/** Runs `work` and gives up waiting for it after `ms`: its signal is aborted, and the result is `DeadlineExceeded`. */
async function withDeadline(
  clock: Clock,
  ms: number,
  abort: AbortController,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  using _timer = clock.timer(ms, () => {
    const error = new MinkeError("DeadlineExceeded", `Cannot finish in ${ms / 1000} s; it is tried again`);
    abort.abort(error);
    reject(error);
  });
  await Promise.race([work(abort.signal), promise]);
}
