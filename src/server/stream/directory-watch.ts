/** Wakes when something in a directory changes. A hint, never the truth: the caller looks again. */
import { watch } from "node:fs";

import { errnoOf } from "../../base/errors.ts";

export class DirectoryWatch implements Disposable {
  readonly #signals: readonly AbortSignal[];
  readonly #close: () => void;
  #changed = false;
  #wake: (() => void) | undefined;
  readonly #onChange = (): void => {
    this.#changed = true;
    this.#wake?.();
  };

  /** Watches from now on. Any of `signals` wakes too. A directory that does not exist never changes. */
  constructor(path: string, signals: readonly AbortSignal[]) {
    this.#signals = signals;
    for (const signal of signals) signal.addEventListener("abort", this.#onChange, { once: true });
    this.#close = startWatch(path, this.#onChange);
  }

  /** Resolves when something has changed since the last call, or a signal has aborted. */
  async next(): Promise<void> {
    if (!this.#changed) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#changed = false;
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onChange);
  }
}

function startWatch(path: string, onChange: () => void): () => void {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    watcher.on("error", onChange);
    return () => watcher.close();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return () => {};
    throw error;
  }
}
