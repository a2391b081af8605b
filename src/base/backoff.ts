/**
 * The kubelet's restart back-off: the first restart is immediate, then the delay doubles from `initialMs` to `maxMs`; a
 * key that has been quiet for `2 * maxMs` starts anew. Kubernetes: pkg/kubelet/kubelet.go (10 s … 300 s, reset after
 * 10 min) and client-go util/flowcontrol/backoff.go.
 */

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** 10 s doubling to 300 s; 600 s without a failure resets it. */
export const RESTART_BACKOFF: BackoffOptions = { initialMs: 10_000, maxMs: 300_000 };

interface Entry {
  readonly delayMs: number;
  /** When the restart that set the delay was made. */
  readonly updatedMs: number;
}

/** Remembers a delay per key. Pure but for its table: the caller passes the time. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BackoffOptions = RESTART_BACKOFF) {
    this.#options = options;
  }

  /** The delay in force for `key` in milliseconds: 0 before the first {@link next}. */
  delayOf(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /**
   * How long, from `now`, the restart of what ended at `finishedMs` has to wait: 0 when it may run. Mirrors the kubelet's
   * IsInBackOffSince.
   */
  waitMs(key: string, finishedMs: number, now: number): number {
    const entry = this.#entries.get(key);
    if (!entry || this.#expired(entry, finishedMs)) return 0;
    return Math.max(0, finishedMs + entry.delayMs - now);
  }

  /** Notes a restart, made `now`, of what ended at `eventMs`: the next one will wait longer. */
  next(key: string, eventMs: number, now: number): void {
    const entry = this.#entries.get(key);
    const delayMs =
      !entry || this.#expired(entry, eventMs)
        ? this.#options.initialMs
        : Math.min(entry.delayMs * 2, this.#options.maxMs);
    this.#entries.set(key, { delayMs, updatedMs: now });
  }

  /**
   * Takes up a table that was lost: the last known restart of `key` was made at `restartMs`, `waitedMs` after the end of its
   * predecessor. The delay in force then is the largest one of the series that fits into that wait.
   */
  restore(key: string, waitedMs: number, restartMs: number): void {
    const { initialMs, maxMs } = this.#options;
    let delayMs = initialMs;
    // A wait beyond the longest delay was not back-off: a daemon that was down, an image that was not to be had.
    if (waitedMs < 2 * maxMs) while (delayMs < maxMs && delayMs <= waitedMs) delayMs = Math.min(delayMs * 2, maxMs);
    this.#entries.set(key, { delayMs, updatedMs: restartMs });
  }

  /** Forgets `key`. */
  reset(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets every key that starts with `prefix`, such as all containers of a Pod. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #expired(entry: Entry, eventMs: number): boolean {
    return eventMs - entry.updatedMs > 2 * this.#options.maxMs;
  }
}
