/** Writes a Pod's status to the store when it has changed, and not more often than observers need while it starts. */
import { equalJson } from "../api/equal.ts";
import type { Pod, PodStatus } from "../api/gen/types.ts";
import type { Deps } from "./deps.ts";
import type { Ending } from "./ending.ts";
import type { PodMemory } from "./memory.ts";
import type { Observation } from "./observe.ts";
import { isLeftAlone } from "./plan.ts";
import { replacedNames } from "./replacing.ts";
import { statusOf } from "./status.ts";
import { readMessage } from "./termination-message.ts";

/** While containers start, a change that does not move the phase waits this long for the next, milliseconds. */
const COALESCE_MS = 10;

export interface Telling {
  readonly ending: Ending | undefined;
  /** As `infeasible` of a StatusInput. */
  readonly infeasible: string | undefined;
  /** Something is being started: more will change soon. */
  readonly starting: boolean;
  readonly load: () => Pod | undefined;
  /** False once the observation is out of date: the Pod is going to be looked at again. */
  readonly isCurrent: () => boolean;
}

export class StatusWriter {
  readonly #deps: Deps;
  readonly #memory: PodMemory;
  readonly #wake: () => void;
  #timer: Disposable | undefined;
  #due = false;
  writing = false;

  constructor(deps: Deps, memory: PodMemory, wake: () => void) {
    this.#deps = deps;
    this.#memory = memory;
    this.#wake = wake;
  }

  /** Tells what `pod` and `observed` amount to, now or with the next change. */
  async tell(pod: Pod, observed: Observation, telling: Telling): Promise<void> {
    await this.#readMessages(observed);
    if (!telling.isCurrent()) return;
    const { deps, memory } = { deps: this.#deps, memory: this.#memory };
    const status = statusOf({
      pod,
      observed,
      now: deps.clock.now(),
      nodeIp: deps.node.ip,
      waiting: memory.waiting,
      pulling: memory.pulling,
      replacing: replacedNames(memory, observed),
      messages: memory.messages,
      infeasible: telling.infeasible,
      resizeError: memory.resizeError,
      ending: telling.ending,
      leftAlone: isLeftAlone(pod, observed),
    });
    if (equalJson(status, pod.status)) return;
    if (telling.starting && !this.#due && pod.status?.startTime && status.phase === pod.status.phase) {
      this.#timer ??= deps.clock.timer(COALESCE_MS, () => {
        this.#timer = undefined;
        this.#due = true;
        this.#wake();
      });
      return;
    }
    this.#write(status, telling.load);
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #write(status: PodStatus, load: () => Pod | undefined): void {
    this.stop();
    this.#due = false;
    // The latest object with our status: reading and writing are one step, so nobody's change is lost.
    const latest = load();
    if (!latest) return;
    this.writing = true;
    try {
      this.#deps.store.update("pods", { ...latest, status }, "async");
    } finally {
      this.writing = false;
    }
    // A phase that ends the Pod changes the plan.
    if (status.phase !== latest.status?.phase || status.startTime !== latest.status?.startTime) this.#wake();
  }

  async #readMessages(observed: Observation): Promise<void> {
    for (const container of observed.containers) {
      if (container.state.phase !== "exited" || this.#memory.messages.has(container.id)) continue;
      this.#memory.messages.set(container.id, (await readMessage(container)) || container.state.message);
    }
  }
}
