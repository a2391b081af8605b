/** What really exists for a Pod, asked of the runtime. Pure selections over it for `plan` and `status`. */
import type { Container, Runtime, Sandbox } from "../runtime/runtime.ts";
import { containerName } from "./labels.ts";

export interface Observation {
  /** Newest attempt first. */
  readonly sandboxes: readonly Sandbox[];
  /** Newest first, over all sandboxes of the Pod. */
  readonly containers: readonly Container[];
}

/** Asks the runtime for the sandboxes and containers of the Pod `podUid` that the engine owns. */
export async function observe(runtime: Runtime, podUid: string): Promise<Observation> {
  const filter = { owner: "engine", podUid } as const;
  const [sandboxes, containers] = await Promise.all([runtime.sandboxes(filter), runtime.containers(filter)]);
  return {
    sandboxes: sandboxes.toSorted((a, b) => b.config.metadata.attempt - a.config.metadata.attempt),
    containers: containers.toSorted(
      (a, b) => b.createdMs - a.createdMs || b.config.metadata.attempt - a.config.metadata.attempt,
    ),
  };
}

/** The containers of one name, newest first. */
export function containersNamed(observed: Observation, name: string): readonly Container[] {
  return observed.containers
    .filter((container) => containerName(container) === name)
    .toSorted((a, b) => b.config.metadata.attempt - a.config.metadata.attempt);
}

/** The newest container of a name, over all sandboxes. */
export function newestContainer(observed: Observation, name: string): Container | undefined {
  return containersNamed(observed, name)[0];
}

/**
 * True for one that was made and is not, or no more, on its way to being run: left by a crash of the daemon, or killed before
 * its start. It goes, and its attempt is used again. A start that failed is an end like any other.
 */
export function neverRan({ state }: Container): boolean {
  if (state.phase === "exited") return state.startedMs === 0 && state.reason !== "StartError";
  return state.phase === "created";
}

/** True while it may have processes. */
export function isLive(container: Container): boolean {
  return container.state.phase !== "exited";
}

/** A sandbox that containers can be started in: ready, and with an address unless it has the host's network. */
export function isUsable(sandbox: Sandbox | undefined): sandbox is Sandbox {
  if (sandbox?.state !== "ready") return false;
  return sandbox.config.namespaces.network === "node" || sandbox.ips.length > 0;
}
