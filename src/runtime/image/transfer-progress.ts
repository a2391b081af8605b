/** What a pull or push tells while it goes on: per layer, and in sum. */
import type { Clock } from "../../base/clock.ts";
import type { Descriptor } from "../../oci/image-format.ts";
import type { ImageProgress, LayerProgress } from "../image.ts";

/** Milliseconds between two reports of bytes; a change of state is told at once. */
const REPORT_EVERY_MS = 100;
const MEGABYTE = 1_000_000;

export class TransferProgress {
  readonly #verb: string;
  readonly #clock: Clock;
  readonly #report: (progress: ImageProgress) => void;
  readonly #layers = new Map<string, LayerProgress>();
  #reportedMs = -REPORT_EVERY_MS;

  constructor(verb: "Pulling" | "Pushing", clock: Clock, report: (progress: ImageProgress) => void) {
    this.#verb = verb;
    this.#clock = clock;
    this.#report = report;
  }

  say(message: string): void {
    this.#report({ message });
  }

  /** Which layers there are; told again by {@link layer}. */
  begin(layers: readonly Descriptor[]): void {
    for (const { digest, size } of layers) {
      this.#layers.set(digest, { digest, state: "waiting", currentBytes: 0, totalBytes: size });
    }
    this.#tell();
  }

  /** A layer's state, and how many of its bytes have come or gone. */
  layer(digest: string, state: LayerProgress["state"], currentBytes?: number): void {
    const before = this.#layers.get(digest)!;
    this.#layers.set(digest, { ...before, state, currentBytes: currentBytes ?? before.currentBytes });
    if (before.state !== state || this.#clock.monotonic() - this.#reportedMs >= REPORT_EVERY_MS) this.#tell();
  }

  #tell(): void {
    this.#reportedMs = this.#clock.monotonic();
    const layers = [...this.#layers.values()];
    const coming = layers.filter(({ state }) => state !== "present");
    const currentBytes = coming.reduce((sum, layer) => sum + layer.currentBytes, 0);
    const totalBytes = coming.reduce((sum, layer) => sum + layer.totalBytes, 0);
    const message = `${this.#verb} ${megabytes(currentBytes)} of ${megabytes(totalBytes)} MB`;
    this.#report({ message, currentBytes, totalBytes, layers });
  }
}

function megabytes(bytes: number): string {
  return bytes < 10 * MEGABYTE ? (bytes / MEGABYTE).toFixed(1) : String(Math.round(bytes / MEGABYTE));
}
