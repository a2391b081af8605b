/** What happens to the Pods of a play, in short lines on stderr. */
import type { Event, Pod } from "../../api/gen/types.ts";
import type { CliContext } from "../context.ts";
import { painterFor } from "../output/colour.ts";

/** Of all that goes well, these are worth a line; true where the message says more than the reason. */
const TOLD: ReadonlyMap<string, boolean> = new Map([
  ["Pulling", true],
  ["Created", false],
  ["Started", false],
  ["Killing", true],
]);

/** The kubelet's second word on a failed pull: a bare reason, which the first one explained. */
const BARE_REASON = /^Error: (ErrImagePull|ImagePullBackOff)$/;

/** Turns Events into lines. A warning that comes again and again is told at its 1st, 2nd, 4th, 8th … time. */
export class Report {
  readonly #context: CliContext;
  /** Per Event the power of two of its count when it was last told. */
  readonly #told = new Map<string, number>();
  /** UIDs of the Pods that all run. */
  readonly #running = new Set<string>();

  constructor(context: CliContext) {
    this.#context = context;
  }

  event(event: Event): void {
    const isWarning = event.type === "Warning";
    const key = event.metadata.uid ?? `${event.metadata.name}`;
    const count = event.series?.count ?? event.count ?? 1;
    const reason = event.reason ?? "";
    if (isWarning ? BARE_REASON.test(event.message ?? "") : !TOLD.has(reason)) return;
    const step = isWarning ? Math.floor(Math.log2(count)) : 0;
    if (step <= (this.#told.get(key) ?? -1)) return;
    this.#told.set(key, step);
    const { name, uid = "", fieldPath = "" } = event.involvedObject;
    // An Event that comes behind the news that all runs has nothing new to say.
    if (this.#running.has(uid) && (reason === "Created" || reason === "Started")) return;
    const container = /\{(.+)\}$/.exec(fieldPath)?.[1];
    const who = container === undefined ? name : `${name}/${container}`;
    const paint = painterFor(this.#context.stderr, this.#context.env);
    const times = count > 1 ? ` (${count} times)` : "";
    if (isWarning) this.#context.note(`${who}: ${paint("red", reason)}: ${event.message ?? ""}${times}`);
    else this.#context.note(`${who}: ${TOLD.get(reason) === true ? (event.message ?? reason) : reason}`);
  }

  started(pod: Pod, urls: readonly string[]): void {
    this.#running.add(pod.metadata.uid ?? "");
    const paint = painterFor(this.#context.stderr, this.#context.env);
    const where = urls.length === 0 ? "" : `: ${urls.map((url) => paint("bold", url)).join(" ")}`;
    this.#context.note(`${pod.metadata.name}: ${paint("green", "Running")}${where}`);
  }

  ended(pod: Pod, failure: string): void {
    const paint = painterFor(this.#context.stderr, this.#context.env);
    const word = failure === "" ? paint("green", "Succeeded") : paint("red", "Failed");
    this.#context.note(`${pod.metadata.name}: ${word}${failure === "" ? "" : `: ${failure}`}`);
  }
}
