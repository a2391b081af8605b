/**
 * Where the milliseconds of a Pod start go. A tracer collects named spans per Pod; {@link noTrace}, the default, costs one
 * call that returns a shared object.
 */
import type { Clock } from "./clock.ts";

/** One finished step. Times are milliseconds on the monotonic clock. */
export interface Span {
  readonly name: string;
  /** The container's name when the step belongs to one. */
  readonly container?: string;
  readonly startMs: number;
  readonly durationMs: number;
}

export interface Tracer {
  /** Opens a span of Pod `podUid`; disposing it ends it: `using _ = trace.span(uid, "cni.add");` */
  span(podUid: string, name: string, container?: string): Disposable;
  /** The finished spans of a Pod, in order of their start. */
  spans(podUid: string): readonly Span[];
}

const closed: Disposable = { [Symbol.dispose]: () => {} };

/** Records nothing. */
export const noTrace: Tracer = { span: () => closed, spans: () => [] };

/** How many Pods' spans are kept, and how many spans of each; older ones are dropped. */
const PODS_MAX = 256;
const SPANS_PER_POD_MAX = 512;

/** Keeps the spans of the last {@link PODS_MAX} Pods in memory. */
export class RingTracer implements Tracer {
  readonly #clock: Clock;
  readonly #pods = new Map<string, Span[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  span(podUid: string, name: string, container?: string): Disposable {
    const startMs = this.#clock.monotonic();
    return {
      [Symbol.dispose]: () => {
        const durationMs = this.#clock.monotonic() - startMs;
        this.#add(podUid, { name, ...(container === undefined ? {} : { container }), startMs, durationMs });
      },
    };
  }

  spans(podUid: string): readonly Span[] {
    return (this.#pods.get(podUid) ?? []).toSorted((a, b) => a.startMs - b.startMs);
  }

  #add(podUid: string, span: Span): void {
    let spans = this.#pods.get(podUid);
    if (!spans) {
      const oldest = this.#pods.size >= PODS_MAX ? this.#pods.keys().next().value : undefined;
      if (oldest !== undefined) this.#pods.delete(oldest);
      this.#pods.set(podUid, (spans = []));
    }
    if (spans.length < SPANS_PER_POD_MAX) spans.push(span);
  }
}
