/**
 * Has images collected when the disk fills up, or when they are too old. It looks when the node starts and after images have come; on a
 * clock only while the disk is near the threshold or there is a maximum age, so that a node with room does nothing.
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ImageService } from "../runtime/image.ts";

/** Milliseconds between two looks while the disk is near the threshold, as the kubelet has it. */
const LOOK_EVERY_MS = 5 * 60_000;
/** Percent below the threshold that count as near. */
const NEAR_PERCENT = 10;

export interface ImageCollectorOptions {
  readonly images: Pick<ImageService, "collect">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Percent of the disk from which on images go, and down to which. 100: never. */
  readonly highPercent: number;
  readonly lowPercent: number;
  /** As of a CollectOptions. */
  readonly maxAgeMs: number;
  readonly minAgeMs: number;
  /** Images that Pods name, whether or not they have containers. */
  readonly inUse: () => Promise<ReadonlySet<string>>;
}

export class ImageCollector implements AsyncDisposable {
  readonly #options: ImageCollectorOptions;
  #timer: Disposable | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #ended = false;

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  /** Looks, or once more after the look that goes on: something may have filled the disk. */
  wake(): void {
    const { highPercent, maxAgeMs } = this.#options;
    if (this.#ended || (highPercent >= 100 && maxAgeMs === 0)) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#ended) {
      this.#again = false;
      this.#timer?.[Symbol.dispose]();
      if (await this.#look()) this.#timer = this.#options.clock.timer(LOOK_EVERY_MS, () => this.wake());
    }
  }

  /** Resolves with whether to look again without being woken. */
  async #look(): Promise<boolean> {
    const { images, log, highPercent, lowPercent, maxAgeMs, minAgeMs, inUse } = this.#options;
    try {
      const { usedPercent, removed, isEnough } = await images.collect({
        // A disk is never more than full.
        highPercent: highPercent >= 100 ? Infinity : highPercent,
        lowPercent,
        maxAgeMs,
        minAgeMs,
        inUse,
      });
      const used = Math.round(usedPercent);
      if (removed.length > 0) log.info({ removed, used }, "Images that nothing uses were removed");
      if (!isEnough)
        log.warn({ used, lowPercent }, "The disk is nearly full, and there are no more unused images to remove");
      return maxAgeMs > 0 || usedPercent >= highPercent - NEAR_PERCENT;
    } catch (error) {
      log.warn({ error: messageOf(error) }, "Unused images could not be collected");
      return true;
    }
  }
}
