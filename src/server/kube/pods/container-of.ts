/** Which container of a Pod a request means. Kubernetes: pkg/registry/core/pod/strategy.go, in its words. */
import type { Pod } from "../../../api/gen/types.ts";
import { badRequest } from "../../../api/status.ts";

const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** The named one, else the only one, else the one that the Pod's annotation prefers. Throws in Kubernetes' words. */
export function containerNameOf(pod: Pod, requested: string): string {
  const names = pod.spec?.containers.map((container) => container.name) ?? [];
  const init = pod.spec?.initContainers?.map((container) => container.name) ?? [];
  const ephemeral = pod.spec?.ephemeralContainers?.map((container) => container.name) ?? [];
  const podName = pod.metadata.name ?? "";
  if (requested !== "") {
    if ([...names, ...init, ...ephemeral].includes(requested)) return requested;
    throw badRequest(`container ${requested} is not valid for pod ${podName}`);
  }
  if (names.length === 1) return names[0]!;
  const preferred = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  if (preferred !== undefined && names.includes(preferred)) return preferred;
  const choices = `choose one of: [${names.join(" ")}]`;
  const also = init.length > 0 ? ` or one of the init containers: [${init.join(" ")}]` : "";
  throw badRequest(`a container name must be specified for pod ${podName}, ${choices}${also}`);
}
