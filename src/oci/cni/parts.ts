/** What the verbs of the network share. */
import type { Logger } from "../../base/logger.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import type { ProcessHost } from "../../host/host.ts";
import type { Instance } from "../../host/instance.ts";
import type { HostPorts } from "./host-ports.ts";
import type { Plugins } from "./plugins.ts";
import type { NetworkRecords } from "./records.ts";

export interface NetworkParts {
  readonly instance: Instance;
  readonly process: ProcessHost;
  readonly log: Logger;
  readonly plugins: Plugins;
  readonly records: NetworkRecords;
  readonly ports: HostPorts;
  /** Plugins' chains that run at the same time. */
  readonly chains: Semaphore;
}
