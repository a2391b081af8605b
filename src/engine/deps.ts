/** What the engine is built from. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Tracer } from "../base/trace.ts";
import type { ImageService } from "../runtime/image.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Store } from "../store/store.ts";
import type { VolumeManager } from "../volume/volume.ts";
import type { EventRecorder } from "./events.ts";
import type { ImagePuller } from "./image-puller.ts";
import type { LogKeeper } from "./log-keeper.ts";
import type { ApiServer } from "./service-environment.ts";

export interface NodeInfo {
  readonly name: string;
  /** Primary address of the machine. */
  readonly ip: string;
  readonly capacity: {
    readonly memoryBytes: number;
  };
  /** What of the machine Pods may have, by the name of the resource: `cpu`, `memory`, `pods` … */
  readonly allocatable: Readonly<Record<string, string>>;
  /** The resolv.conf of Pods with a network of their own; default `/etc/resolv.conf`. The kubelet's `--resolv-conf`. */
  readonly resolvConf?: string;
  /** Where Pods reach the API, once that is known; undefined: nowhere. Containers start when it is settled. */
  readonly apiServer?: Promise<ApiServer | undefined>;
}

export interface EnginePaths {
  /** `<logs>/pods` */
  readonly podLogs: string;
  /** `<logs>/containers` */
  readonly containerLogs: string;
  /** `<root>/pods` */
  readonly podsRoot: string;
  /** Where `localhost` seccomp profiles are; default `<podsRoot>/../seccomp`. */
  readonly seccompRoot?: string;
}

export interface EngineOptions {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly images: ImageService;
  readonly volumes: VolumeManager;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trace: Tracer;
  readonly node: NodeInfo;
  readonly paths: EnginePaths;
}

export interface Slots {
  acquire(): Promise<Disposable>;
}

/** The options and the engine's own services. */
export interface Deps extends EngineOptions {
  readonly puller: ImagePuller;
  readonly logs: LogKeeper;
  /** Sandboxes and containers that are made at the same time, over all Pods. */
  readonly startSlots: Slots;
  /** Pods whose volumes are prepared at the same time. */
  readonly volumeSlots: Slots;
  /** Sandboxes, containers and Pods that are taken away at the same time. */
  readonly endSlots: Slots;
}
