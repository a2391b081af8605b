/**
 * Time as a parameter. Nothing outside this file reads the clock or sets a timer, so a test can hold time in its hand.
 * All times are milliseconds since the Unix epoch; all durations are milliseconds.
 */

export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic clock in milliseconds with a fraction; only differences mean anything. */
  monotonic(): number;
  /**
   * Calls `fire` once after `delayMs` (at once when ≤ 0). Dispose to cancel. Does not keep the process alive, unless asked
   * to by `keepAlive`.
   */
  timer(delayMs: number, fire: () => void, options?: { readonly keepAlive?: boolean }): Disposable;
}

/** Longest delay that Node's timers take; longer ones are set again when they fire. */
const TIMER_LIMIT_MS = 2 ** 31 - 1;

class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  timer(delayMs: number, fire: () => void, options?: { readonly keepAlive?: boolean }): Disposable {
    const due = this.monotonic() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const left = due - this.monotonic();
      if (left > TIMER_LIMIT_MS) handle = setTimeout(arm, TIMER_LIMIT_MS);
      else handle = setTimeout(fire, Math.max(0, left));
      if (options?.keepAlive !== true) handle.unref();
    };
    arm();
    return { [Symbol.dispose]: () => clearTimeout(handle) };
  }
}

/** The real clock. */
export const systemClock: Clock = new SystemClock();

/** A clock for tests that moves only when told to. Timers fire in order of their due time. */
export class FakeClock implements Clock {
  #now: number;
  #timers: { due: number; fire: () => void }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  timer(delayMs: number, fire: () => void): Disposable {
    const timer = { due: this.#now + Math.max(0, delayMs), fire };
    this.#timers.push(timer);
    return { [Symbol.dispose]: () => void (this.#timers = this.#timers.filter((t) => t !== timer)) };
  }

  /** Moves time forward by `ms`, firing what becomes due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((t) => t.due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#now = Math.max(this.#now, next.due);
      next.fire();
    }
    this.#now = end;
  }

  /** When the next timer is due, or undefined when none is set. */
  nextDue(): number | undefined {
    return this.#timers.map((t) => t.due).sort((a, b) => a - b)[0];
  }
}

/** Resolves after `ms` on `clock`; rejects with the signal's reason when aborted first. */
export async function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal!.reason as Error);
  using _timer = clock.timer(ms, resolve, { keepAlive: true });
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** RFC 3339 in UTC with seconds, as Kubernetes writes `metav1.Time`: `2026-11-23T12:00:00Z`. */
export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
