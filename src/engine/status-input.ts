/** What a Pod's status is made of. */
import type { Pod } from "../api/gen/types.ts";
import type { Ending } from "./ending.ts";
import type { Observation } from "./observe.ts";

export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

export interface StatusInput {
  readonly pod: Pod;
  readonly observed: Observation;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly nodeIp: string;
  /** Why containers that should run do not, by name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** How far the pull of a container's image is (“Pulling 34 of 61 MB”), by container name. */
  readonly pulling: ReadonlyMap<string, string>;
  /** Names of containers that were stopped to be replaced. */
  readonly replacing: ReadonlySet<string>;
  /** Termination messages, by container id. */
  readonly messages: ReadonlyMap<string, string>;
  /** Why the resources that the Pod asks for can not be had on this node. */
  readonly infeasible?: string | undefined;
  /** Why new limits could not be applied; tried again. */
  readonly resizeError?: string | undefined;
  readonly ending: Ending | undefined;
  /** Nothing will be started any more, though nobody asked for the end. */
  readonly leftAlone: boolean;
}
