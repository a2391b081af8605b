/** How much CPU time per second something uses, from the last look at its counter to this one. */
import type { Clock } from "../../../base/clock.ts";

/** A shorter time says too little: the last figure stands. */
const WINDOW_MS_MIN = 1000;
/** Who is not looked at for so long is forgotten. */
const FORGET_MS = 10 * 60 * 1000;

interface Sample {
  readonly atMs: number;
  readonly usageNs: number;
  readonly nanoCores: number | undefined;
}

export class CpuRates {
  readonly #clock: Clock;
  readonly #samples = new Map<string, Sample>();
  #sweptMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nano-cores; undefined at the first look. */
  observe(id: string, usageNs: number): number | undefined {
    const atMs = this.#clock.monotonic();
    this.#sweep(atMs);
    const last = this.#samples.get(id);
    const elapsedMs = last ? atMs - last.atMs : 0;
    if (last && elapsedMs < WINDOW_MS_MIN) return last.nanoCores;
    const nanoCores = last ? Math.max(0, Math.round(((usageNs - last.usageNs) * 1000) / elapsedMs)) : undefined;
    this.#samples.set(id, { atMs, usageNs, nanoCores });
    return nanoCores;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < FORGET_MS) return;
    this.#sweptMs = nowMs;
    for (const [id, { atMs }] of this.#samples) if (nowMs - atMs > FORGET_MS) this.#samples.delete(id);
  }
}
