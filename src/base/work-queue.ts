/**
 * Level-triggered work by key: whoever notices that something may have changed adds the key, and `work` looks at the truth.
 * Keys that are added again before their turn are worked on once. Nothing runs while nothing is added.
 */
import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** A key whose work fails waits this long, then longer, milliseconds. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export interface WorkQueueOptions {
  /** Names the queue in logs. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Looks at one key and does what is missing; throws when it has to be tried again. */
  readonly work: (key: string) => void;
}

export class WorkQueue implements Disposable {
  readonly #options: WorkQueueOptions;
  readonly #keys = new Set<string>();
  readonly #retries = new Map<string, { readonly failures: number; readonly timer: Disposable }>();
  #due = false;
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Has `key` looked at soon, after what is under way now. */
  add(key: string): void {
    if (this.#stopped) return;
    this.#keys.add(key);
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => this.#drain());
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#keys.clear();
    for (const { timer } of this.#retries.values()) timer[Symbol.dispose]();
  }

  #drain(): void {
    this.#due = false;
    // What is added while this runs waits for the next turn, so that a pair of controllers can not starve everyone else.
    const keys = [...this.#keys];
    this.#keys.clear();
    for (const key of keys) {
      if (!this.#stopped) this.#run(key);
    }
  }

  #run(key: string): void {
    const { name, work, clock, log } = this.#options;
    const before = this.#retries.get(key);
    before?.timer[Symbol.dispose]();
    this.#retries.delete(key);
    try {
      work(key);
    } catch (error) {
      const failures = (before?.failures ?? 0) + 1;
      const delayMs = Math.min(RETRY_MIN_MS * 2 ** (failures - 1), RETRY_MAX_MS);
      log.warn({ queue: name, key, failures, error: messageOf(error) }, "Work failed; tried again later");
      const timer = clock.timer(delayMs, () => this.add(key));
      this.#retries.set(key, { failures, timer });
    }
  }
}
