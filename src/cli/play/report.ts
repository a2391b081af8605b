/** What happens to the Pods of a play, in short lines on stderr. */
import type { Event, Pod } from "../../api/gen/types.ts";
import type { CliContext } from "../context.ts";
import { painterFor } from "../output/colour.ts";

/** Of all that goes well, these are worth a line. */
const TOLD = new Set(["Pulling", "Pulled", "Created", "Started", "Killing"]);

/** Turns Events into lines; an Event that only counts up is told again when it is a warning. */
export class Report {
  readonly #context: CliContext;
  readonly #told = new Map<string, string>();

  constructor(context: CliContext) {
    this.#context = context;
  }

  event(event: Event): void {
    const isWarning = event.type === "Warning";
    const key = event.metadata.uid ?? `${event.metadata.name}`;
    const state = isWarning ? `${event.count ?? event.series?.count ?? 1}` : "told";
    if (this.#told.get(key) === state || (!isWarning && !TOLD.has(event.reason ?? ""))) return;
    this.#told.set(key, state);
    const paint = painterFor(this.#context.stderr, this.#context.env);
    const reason = paint(isWarning ? "red" : "dim", event.reason ?? "");
    this.#context.note(`${event.involvedObject.name}: ${reason}: ${event.message ?? ""}`);
  }

  started(pod: Pod, urls: readonly string[]): void {
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
