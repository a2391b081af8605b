/** What `plan` decides upon. */
import type { Pod } from "../api/gen/types.ts";
import type { Observation } from "./observe.ts";

/** What only the engine's memory knows. */
export interface Facts {
  readonly volumesReady: boolean;
  /** Something may be prepared on disk that has to be released. */
  readonly volumesHeld: boolean;
  /** When what volumes show has to be refreshed, milliseconds since the epoch; `Infinity`: not by time. */
  readonly refreshAtMs: number;
  /** The action `ReleasePod` has been done. */
  readonly released: boolean;
  /** Names of containers whose image has been made present for their first start. */
  readonly images: ReadonlySet<string>;
  /** `keyOf` of actions under way. */
  readonly busy: ReadonlySet<string>;
  /** When an action that failed may be tried again, by `keyOf`. */
  readonly retryAt: ReadonlyMap<string, number>;
  /** Until when the restart of a container has to wait, by name. */
  readonly backoffUntil: ReadonlyMap<string, number>;
  /** Names of containers that were stopped because their definition changed: they start again whatever the policy says. */
  readonly replacing: ReadonlySet<string>;
  /** When the containers of a Pod that ends are killed. */
  readonly killAtMs: number;
  /** Restart counts that are known from elsewhere than the runtime (the stored status, log files), by name. */
  readonly nextAttempt: ReadonlyMap<string, number>;
}

export interface PlanInput {
  /** undefined: the store does not know this UID (any more). */
  readonly pod: Pod | undefined;
  readonly observed: Observation;
  readonly facts: Facts;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
