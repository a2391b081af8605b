/** What happens to the Pods of a play, in short lines on stderr. */
import type { Event, Pod } from "../../api/gen/types.ts";
import type { CliContext } from "../context.ts";
import { painterFor } from "../output/colour.ts";

/** Of all that goes well, these are worth a line; true where the message says more than the reason. */
const TOLD: ReadonlyMap<string, boolean> = new Map([
  ["Pulling", true],
  ["Pulled", true],
  ["Created", false],
  ["Started", false],
  ["Killing", true],
]);

/** Turns Events into lines; an Event that only counts up is told again when it is a warning. */
export class Report {
  readonly #context: CliContext;
  readonly #told = new Map<string, string>();
  /** UIDs of the Pods that all run. */
  readonly #running = new Set<string>();

  constructor(context: CliContext) {
    this.#context = context;
  }

  event(event: Event): void {
    const isWarning = event.type === "Warning";
    const key = event.metadata.uid ?? `${event.metadata.name}`;
    const state = isWarning ? `${event.count ?? event.series?.count ?? 1}` : "told";
    const reason = event.reason ?? "";
    if (this.#told.get(key) === state || (!isWarning && !TOLD.has(reason))) return;
    this.#told.set(key, state);
    const { name, uid = "", fieldPath = "" } = event.involvedObject;
    // An Event that comes behind the news that all runs has nothing new to say.
    if (this.#running.has(uid) && (reason === "Created" || reason === "Started")) return;
    const container = /\{(.+)\}$/.exec(fieldPath)?.[1];
    const who = container === undefined ? name : `${name}/${container}`;
    const paint = painterFor(this.#context.stderr, this.#context.env);
    if (isWarning) this.#context.note(`${who}: ${paint("red", reason)}: ${event.message ?? ""}`);
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
