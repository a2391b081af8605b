/** Carries out one action: each idempotent, with a deadline and an abort signal. One file per action that has steps. */
import type { Pod } from "../api/gen/types.ts";
import type { Action } from "./action.ts";
import { ensureImage } from "./actions/ensure-image.ts";
import { prepareVolumes } from "./actions/prepare-volumes.ts";
import { refreshVolumes } from "./actions/refresh-volumes.ts";
import { releasePod } from "./actions/release-pod.ts";
import { resizePod } from "./actions/resize-pod.ts";
import { runContainer } from "./actions/run-container.ts";
import { runSandbox } from "./actions/run-sandbox.ts";
import { stopContainer } from "./actions/stop-container.ts";
import type { Deps } from "./deps.ts";
import type { PodMemory } from "./memory.ts";
import type { Observation } from "./observe.ts";

/** One Pod at the moment an action begins. */
export interface Scene {
  readonly deps: Deps;
  /** undefined for what the store does not know. */
  readonly pod: Pod | undefined;
  readonly memory: PodMemory;
  readonly observed: Observation;
  /** Has the Pod looked at again: something that its status tells has changed. */
  readonly wake: () => void;
}

/** Of a Pod that is there. */
export type LiveScene = Scene & { readonly pod: Pod };

const MINUTE_MS = 60_000;
/** How long an action may take before it is given up and tried again, milliseconds. Stopping has the grace period on top. */
export const DEADLINES_MS = {
  EnsureImage: 30 * MINUTE_MS,
  PrepareVolumes: 2 * MINUTE_MS + 3_000,
  RefreshVolumes: 2 * MINUTE_MS + 3_000,
  ReleaseVolumes: 2 * MINUTE_MS,
  RunSandbox: 2 * MINUTE_MS,
  StopSandbox: 2 * MINUTE_MS,
  RemoveSandbox: 2 * MINUTE_MS,
  RunContainer: 32 * MINUTE_MS,
  StopContainer: 2 * MINUTE_MS,
  RemoveContainer: 2 * MINUTE_MS,
  ResizePod: MINUTE_MS,
  ReleasePod: 2 * MINUTE_MS,
  DeletePodObject: MINUTE_MS,
} as const;

export async function act(scene: Scene, action: Action, signal: AbortSignal): Promise<void> {
  const { deps, memory, pod } = scene;
  if (action.type === "WaitUntil") return;
  if (action.type === "StopContainer") return await stopContainer(scene, action);
  if (isEnd(action)) {
    using _slot = await deps.endSlots.acquire();
    return await end(scene, action);
  }
  if (!pod) return;
  const alive = { ...scene, pod };
  switch (action.type) {
    case "EnsureImage":
      return await ensureImage(alive, action, signal);
    case "PrepareVolumes":
    case "RefreshVolumes": {
      using _slot = await deps.volumeSlots.acquire();
      signal.throwIfAborted();
      return await (action.type === "PrepareVolumes" ? prepareVolumes : refreshVolumes)(alive);
    }
    case "RunSandbox":
      return await runSandbox(alive, action, signal);
    case "RunContainer":
      return await runContainer(alive, action, signal);
    case "ResizePod":
      return await resizePod(alive, action);
    case "DeletePodObject":
      deps.store.delete(
        { resource: "pods", namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "" },
        { uid: memory.uid },
      );
  }
}

const ENDS = ["StopSandbox", "RemoveSandbox", "RemoveContainer", "ReleaseVolumes", "ReleasePod"] as const;
type End = Extract<Action, { readonly type: (typeof ENDS)[number] }>;

function isEnd(action: Action): action is End {
  return (ENDS as readonly string[]).includes(action.type);
}

/** What takes something away. */
async function end({ deps, memory, pod }: Scene, action: End): Promise<void> {
  const { runtime } = deps;
  switch (action.type) {
    case "StopSandbox":
      return await runtime.stopSandbox(action.id);
    case "RemoveSandbox":
      return await runtime.removeSandbox(action.id);
    case "RemoveContainer":
      await runtime.removeContainer(action.id);
      memory.messages.delete(action.id);
      return await deps.logs.unlink(action.id);
    case "ReleaseVolumes":
      await deps.volumes.release(memory.uid);
      memory.volumes = undefined;
      memory.volumesHeld = false;
      return;
    case "ReleasePod":
      return await releasePod(deps, memory, pod);
  }
}
