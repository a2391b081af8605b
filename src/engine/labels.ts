/**
 * What the engine writes on sandboxes and containers, so that everything it needs after a restart can be read back from
 * the runtime. The `io.kubernetes.*` keys are the ones that every kubelet uses (CRI tools group by them).
 */
import { createHash } from "node:crypto";

import type { Container as ContainerSpec, Pod } from "../api/gen/types.ts";
import type { Container } from "../runtime/runtime.ts";

const POD_NAME = "io.kubernetes.pod.name";
const POD_NAMESPACE = "io.kubernetes.pod.namespace";
export const POD_UID = "io.kubernetes.pod.uid";
export const CONTAINER_NAME = "io.kubernetes.container.name";
export const CONTAINER_HASH = "io.kubernetes.container.hash";
export const RESTART_COUNT = "io.kubernetes.container.restartCount";
export const MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath";
export const MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy";
export const GRACE_PERIOD = "io.kubernetes.pod.terminationGracePeriod";
/** A {@link ContainerKind}. */
export const CONTAINER_KIND = "dev.minke.container.kind";
/** Where the container's termination message is on the host. */
export const MESSAGE_FILE = "dev.minke.container.terminationMessageFile";

/** Of the Pod's three lists of containers, which one it stands in. */
export type ContainerKind = "init" | "main" | "ephemeral";

/**
 * A digest of what, when it changes, asks for a new container: name and image, the only part of a container that may be
 * updated. Kubernetes: pkg/kubelet/container/helpers.go, HashContainer.
 */
export function containerHash(container: ContainerSpec): string {
  return createHash("sha256")
    .update(JSON.stringify([container.name, container.image ?? ""]))
    .digest("hex")
    .slice(0, 16);
}

export function podLabels(pod: Pod): Record<string, string> {
  return {
    [POD_NAME]: pod.metadata.name ?? "",
    [POD_NAMESPACE]: pod.metadata.namespace ?? "",
    [POD_UID]: pod.metadata.uid ?? "",
  };
}

export function containerName(container: Container): string {
  return container.config.labels[CONTAINER_NAME] ?? container.config.metadata.name;
}

export function containerKind({ config }: Container): ContainerKind {
  const kind = config.labels[CONTAINER_KIND];
  return kind === "init" || kind === "ephemeral" ? kind : "main";
}

/** `name_namespace(uid)`, as the kubelet writes a Pod into its messages. */
export function podRef(pod: Pod): string {
  return `${pod.metadata.name ?? ""}_${pod.metadata.namespace ?? ""}(${pod.metadata.uid ?? ""})`;
}
