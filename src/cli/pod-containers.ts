/** Containers of a Pod, as commands choose them. */
import type { Container, ContainerStatus, Pod } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";

/** kubectl/pkg/cmd/util/podcmd. */
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** The container that a command means when none is named. */
export function defaultContainer(pod: Pod): string {
  const wanted = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  const names = (pod.spec?.containers ?? []).map((container) => container.name);
  return wanted !== undefined && names.includes(wanted) ? wanted : (names[0] ?? "");
}

/** As {@link defaultContainer}; says so, as kubectl does, when the Pod has more than one and none is named as the default. */
export function chosenContainer(pod: Pod, note: (line: string) => void): string {
  const name = defaultContainer(pod);
  const all = [
    ...(pod.spec?.containers ?? []).map((container) => container.name),
    ...(pod.spec?.initContainers ?? []).map((container) => `${container.name} (init)`),
  ];
  if (all.length > 1 && pod.metadata.annotations?.[DEFAULT_CONTAINER] === undefined) {
    note(`Defaulted container "${name}" out of: ${all.join(", ")}`);
  }
  return name;
}

/** Throws, in kubectl's words, when the Pod has ended. `verb`: `exec into`, `attach`. */
export function requireLive({ status }: Pod, verb: string): void {
  if (status?.phase !== "Succeeded" && status?.phase !== "Failed") return;
  throw new MinkeError(
    "FailedPrecondition",
    `cannot ${verb} a container in a completed pod; current phase is ${status.phase}`,
  );
}

/** Init containers, then containers, then those that were added to look into the Pod. */
export function allContainers({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
}

export function allStatuses(pod: Pod): readonly ContainerStatus[] {
  return [...ownStatuses(pod), ...(pod.status?.ephemeralContainerStatuses ?? [])];
}

/** Of the containers that the Pod's end depends on. */
export function ownStatuses({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Throws when the Pod has no container of that name; says which it has. */
export function requireContainer(pod: Pod, name: string): void {
  const names = allContainers(pod).map((container) => container.name);
  if (names.includes(name)) return;
  throw new MinkeError(
    "NotFound",
    `container ${name} is not valid for pod ${pod.metadata.name}; it has ${names.join(", ")}`,
  );
}
