/** Telling what containers there are and how they do. */
import { MinkeError } from "../../base/errors.ts";
import type { Container, ContainerFilter, ContainerState } from "../runtime.ts";
import { findSandboxes } from "../sandbox/list.ts";
import type { ContainerEntry, Scope } from "../scope.ts";
import { settle } from "./settle.ts";

/** The containers that a filter lets through, with ends that have come in the meantime written down. */
export async function findContainers(scope: Scope, filter: ContainerFilter = {}): Promise<readonly ContainerEntry[]> {
  const found = candidates(scope, filter);
  await Promise.all(found.map((entry) => settle(scope, entry)));
  return found.filter((entry) => !entry.removed);
}

function candidates(scope: Scope, filter: ContainerFilter): readonly ContainerEntry[] {
  const { id, sandboxId, owner, podUid } = filter;
  const matches = ({ record }: ContainerEntry): boolean =>
    (sandboxId === undefined || record.sandboxId === sandboxId) &&
    (owner === undefined || record.owner === owner) &&
    (podUid === undefined || record.podUid === podUid);
  if (id !== undefined) return [scope.containers.get(id)].filter((entry) => entry !== undefined).filter(matches);
  if (sandboxId === undefined && podUid === undefined) return [...scope.containers.values()].filter(matches);
  const wanted = sandboxId === undefined ? { podUid: podUid ?? "" } : { id: sandboxId };
  const inside = findSandboxes(scope, wanted);
  return inside.flatMap((sandbox) => [...sandbox.containers]).filter(matches);
}

/** Ids of the images that must stay. */
export function imagesInUse(scope: Scope): ReadonlySet<string> {
  const records = [...[...scope.containers.values()].map(({ record }) => record), ...scope.makingContainers];
  return new Set(records.flatMap(({ imageId, mountedImages = {} }) => [imageId, ...Object.values(mountedImages)]));
}

const NOBODY_YET: Container["user"] = { uid: 0, gid: 0, supplementalGroups: [] };

/** The contract's view of a container. */
export function containerOf({ record }: ContainerEntry): Container {
  const { id, sandboxId, owner, config, imageId, imageRef, createdMs, cgroupPath, logPath } = record;
  const { user = NOBODY_YET, mountedImages = {} } = record;
  const state = stateOf(record);
  const facts = { id, sandboxId, owner, config, imageId, imageRef, createdMs, cgroupPath, logPath };
  return { ...facts, state, user, mountedImages };
}

function stateOf(record: ContainerEntry["record"]): ContainerState {
  const { ended, startedMs, process } = record;
  if (ended) return { phase: "exited", ...ended, startedMs: startedMs ?? 0 };
  if (startedMs === undefined || !process) return { phase: "created" };
  return { phase: "running", pid: process.pid, startedMs };
}

/** The entry of a container, or `NotFound`. */
export function requireContainer(scope: Scope, id: string, action: string): ContainerEntry {
  const entry = scope.containers.get(id);
  if (entry) return entry;
  throw new MinkeError("NotFound", `Cannot ${action}: there is no container ${id}`, { details: { containerId: id } });
}

/** The entry of a container that runs, or `NotFound`, or `FailedPrecondition`. */
export async function requireRunning(scope: Scope, id: string, action: string): Promise<ContainerEntry> {
  const entry = requireContainer(scope, id, action);
  await settle(scope, entry);
  const state = stateOf(entry.record);
  if (state.phase === "running") return entry;
  const { name } = entry.record.config.metadata;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot ${action} in container "${name}": it is ${state.phase}, not running`,
    {
      details: { containerId: id, phase: state.phase },
    },
  );
}
