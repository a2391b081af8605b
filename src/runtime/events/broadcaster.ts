/** One writer, many readers, each with a bounded queue of its own. */

/** Events that wait for one reader; beyond it the oldest are dropped. */
export const EVENTS_WAITING_MAX = 1000;

export class Broadcaster<T> {
  readonly #readers = new Set<(event: T) => void>();

  /** Hands `event` to every reader. Never blocks. */
  publish(event: T): void {
    for (const deliver of this.#readers) deliver(event);
  }

  /**
   * Events from this call on, until `signal` aborts. A reader that falls {@link EVENTS_WAITING_MAX} behind loses the oldest:
   * an event only wakes, and carries no truth.
   */
  subscribe(signal: AbortSignal): AsyncIterable<T> {
    const waiting: T[] = [];
    let wake: (() => void) | undefined;
    const deliver = (event: T): void => {
      if (waiting.length >= EVENTS_WAITING_MAX) waiting.shift();
      waiting.push(event);
      wake?.();
    };
    const end = (): void => {
      this.#readers.delete(deliver);
      wake?.();
    };
    if (!signal.aborted) {
      this.#readers.add(deliver);
      signal.addEventListener("abort", end, { once: true });
    }
    return {
      async *[Symbol.asyncIterator]() {
        try {
          for (;;) {
            while (waiting.length > 0 && !signal.aborted) yield waiting.shift()!;
            if (signal.aborted) return;
            await new Promise<void>((resolve) => (wake = resolve));
            wake = undefined;
          }
        } finally {
          signal.removeEventListener("abort", end);
          end();
        }
      },
    };
  }
}
