/** Group commit: one trip to the disk at a time, and the next one for everybody who came while it was under way. */

export class JoinedSyncs {
  readonly #sync: () => Promise<void>;
  readonly #version: () => number;
  /** The version that was reached when the one that runs began. */
  #covered = 0;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `version` tells what a sync that begins now will cover. */
  constructor(sync: () => Promise<void>, version: () => number) {
    this.#sync = sync;
    this.#version = version;
  }

  /**
   * Resolves after a sync that covers this version, which has been reached. When one has failed all later ones do: a kernel
   * tells of a write that was lost once, and then says that all is well.
   */
  join(version: number): Promise<void> {
    if (this.#running && version <= this.#covered) return this.#running;
    if (this.#next) return this.#next;
    if (!this.#running) return this.#start();
    this.#next = this.#running.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<void> {
    this.#covered = this.#version();
    const running = this.#sync();
    this.#running = running;
    const finished = (): void => {
      if (this.#running === running) this.#running = undefined;
    };
    running.then(finished, () => {});
    return running;
  }
}
