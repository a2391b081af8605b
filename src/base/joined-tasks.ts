/**
 * One task per key at a time, whoever asks for it: who asks while it runs waits for the same result. It is aborted when the
 * last of them has gone; the next one to ask starts anew, after it has ended.
 */
interface Joined<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
}

export class JoinedTasks<T> {
  readonly #running = new Map<string, Joined<T>>();

  /** Joins the task of `key`, or starts one. Rejects with the signal's reason as soon as that aborts. */
  async run(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const task = this.#join(key, start);
    task.waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal!.reason as Error);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([task.promise, left]);
    } finally {
      signal?.removeEventListener("abort", leave);
      if (--task.waiting === 0) task.controller.abort(signal?.reason);
    }
  }

  #join(key: string, start: (signal: AbortSignal) => Promise<T>): Joined<T> {
    const running = this.#running.get(key);
    if (running && !running.controller.signal.aborted) return running;
    const controller = new AbortController();
    const promise = (async () => {
      if (running) await Promise.allSettled([running.promise]);
      return await start(controller.signal);
    })();
    promise.catch(() => {}); // whoever waits sees it
    const task: Joined<T> = { promise, controller, waiting: 0 };
    this.#running.set(key, task);
    const forget = (): void => {
      if (this.#running.get(key) === task) this.#running.delete(key);
    };
    promise.then(forget, forget);
    return task;
  }
}
