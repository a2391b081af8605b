/** Whether a container is (re)started. Kubernetes: pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted. */
import type { Pod } from "../api/gen/types.ts";
import type { Container } from "../runtime/runtime.ts";

/** True when the newest container of a name (undefined: there never was one) calls for another, by the restart policy. */
export function mayRestart(pod: Pod, newest: Container | undefined): boolean {
  if (!newest || newest.state.phase === "created") return true;
  if (newest.state.phase === "running") return false;
  const policy = pod.spec?.restartPolicy ?? "Always";
  if (policy === "Never") return false;
  return policy === "Always" || newest.state.exitCode !== 0;
}
