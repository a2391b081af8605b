/** What the handlers of the CRI work on. */
import type { Clock } from "../../base/clock.ts";
import type { KeyedLock } from "../../base/keyed-lock.ts";
import type { Logger } from "../../base/logger.ts";
import type { ImageService } from "../../runtime/image.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { StreamingServer } from "../stream/streaming-server.ts";
import type { CpuRates } from "./stats/cpu-rates.ts";

/** What the composition root gives. */
export interface CriOptions {
  readonly runtime: Runtime;
  readonly images: ImageService;
  readonly clock: Clock;
  readonly log: Logger;
  readonly network: CriNetwork;
  /** Versions and places, for `crictl info`. */
  readonly nodeInfo: () => Promise<Readonly<Record<string, unknown>>>;
}

export interface CriNetwork {
  /** Whether Pods can be connected, and if not, why. */
  ready(): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>;
  /** `cni`: configurations that somebody else installs; `embedded`: this node's own bridge. */
  readonly kind: "cni" | "embedded";
}

/** The whole scope of a handler. */
export interface CriNode extends CriOptions {
  readonly streaming: Pick<StreamingServer, "execUrl" | "attachUrl" | "portForwardUrl">;
  /** Per name of a sandbox or container: identical requests take turns, so that a retry sees what became of the first. */
  readonly naming: KeyedLock;
  readonly cpuRates: CpuRates;
  /** Aborts when the server closes: what would go on without end ends then. */
  readonly closing: AbortSignal;
}

/** One call. */
export interface Call {
  /** Aborts when the client has cancelled, left, or its deadline has passed. */
  readonly signal: AbortSignal;
}

/** Whom everything that comes over this socket belongs to. */
export const OWNER = "cri";
