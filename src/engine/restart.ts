/** Whether a container is (re)started. Kubernetes: pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted. */
import type { ContainerStatus, Pod } from "../api/gen/types.ts";
import type { Container } from "../runtime/runtime.ts";
import { neverRan } from "./observe.ts";

/** Exit code of a container whose end nobody saw: as killed by SIGKILL. */
export const LOST_EXIT_CODE = 137;

/**
 * True when the newest container of `name` calls for another, by the restart policy. When the runtime has none, what the
 * Pod's status told last says whether it ever ran.
 */
export function mayRestart(pod: Pod, name: string, newest: Container | undefined): boolean {
  if (newest?.state.phase === "running") return false;
  if (newest && neverRan(newest)) return true;
  const exitCode = newest?.state.phase === "exited" ? newest.state.exitCode : toldExitCode(pod, name);
  if (exitCode === undefined) return true;
  const policy = isEphemeral(pod, name) ? "Never" : (pod.spec?.restartPolicy ?? "Always");
  if (policy === "Never") return false;
  return policy === "Always" || exitCode !== 0;
}

/** True for what was added to look into the Pod: it runs once. */
function isEphemeral({ spec }: Pod, name: string): boolean {
  return spec?.ephemeralContainers?.some((container) => container.name === name) ?? false;
}

/** What the Pod's status says of a container that has run; undefined when it never did. */
export function toldStatus({ status }: Pod, name: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find((each) => each.name === name && each.containerID !== undefined);
}

function toldExitCode(pod: Pod, name: string): number | undefined {
  const told = toldStatus(pod, name);
  if (!told || told.state?.waiting) return undefined;
  return told.state?.terminated?.exitCode ?? LOST_EXIT_CODE;
}
