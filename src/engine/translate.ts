/**
 * From a Pod and inputs that are already resolved to what the runtime is told. Pure: the runtime gets a snapshot and never
 * reads the Pod. Kubernetes: pkg/kubelet/kuberuntime (kuberuntime_sandbox.go, kuberuntime_container.go, security_context.go).
 */
import { createHash } from "node:crypto";

import type { Container as ContainerSpec, Pod, SeccompProfile as SeccompField } from "../api/gen/types.ts";
import type {
  ContainerConfig,
  ContainerSecurity,
  DnsConfig,
  Mount,
  NamespaceMode,
  PortMapping,
  SandboxConfig,
  SeccompProfile,
} from "../runtime/runtime.ts";
import * as label from "./labels.ts";
import { cgroupParentOf, containerResources, podResources } from "./resources.ts";

const HOSTNAME_MAX = 63;

export interface SandboxInputs {
  readonly attempt: number;
  readonly podLogs: string;
  /** undefined: the host's resolv.conf. */
  readonly dns: DnsConfig | undefined;
  /** Of the Pod's RuntimeClass; empty = the default runtime. */
  readonly runtimeHandler: string;
}

export interface ContainerInputs {
  readonly attempt: number;
  readonly kind: label.ContainerKind;
  /** Id of an image that is present. */
  readonly imageId: string;
  readonly env: readonly (readonly [string, string])[];
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly mounts: readonly Mount[];
  /** Id of the container whose PID namespace it joins; undefined: as the Pod says. */
  readonly pidTarget?: string;
  /** Host path of the termination message file. */
  readonly messageFile: string;
  readonly capacityBytes: number;
  /** Directory that `localhost` seccomp profiles are relative to. */
  readonly seccompRoot: string;
}

/** `<namespace>_<name>_<uid>`: the directory of a Pod's logs. */
export function logDirectoryName(pod: Pod): string {
  return `${pod.metadata.namespace ?? ""}_${pod.metadata.name ?? ""}_${pod.metadata.uid ?? ""}`;
}

/** The host name that the Pod sees: `spec.hostname`, else the Pod's name cut to what a host name may have. */
export function hostnameOf(pod: Pod): string {
  const name = pod.spec?.hostname || pod.metadata.name || "";
  return name.slice(0, HOSTNAME_MAX).replace(/[-.]+$/, "");
}

export function sandboxConfig(pod: Pod, inputs: SandboxInputs): SandboxConfig {
  const { metadata, spec } = pod;
  const hostNetwork = spec?.hostNetwork === true;
  return {
    owner: "engine",
    metadata: {
      name: metadata.name ?? "",
      uid: metadata.uid ?? "",
      namespace: metadata.namespace ?? "",
      attempt: inputs.attempt,
    },
    hostname: hostNetwork ? "" : hostnameOf(pod),
    logDirectory: `${inputs.podLogs}/${logDirectoryName(pod)}`,
    ...(inputs.dns === undefined ? {} : { dns: inputs.dns }),
    portMappings: hostNetwork ? [] : portMappings(pod),
    labels: { ...metadata.labels, ...label.podLabels(pod) },
    annotations: { ...metadata.annotations },
    cgroupParent: cgroupParentOf(pod),
    resources: podResources(pod),
    namespaces: { network: hostNetwork ? "node" : "pod", pid: pidMode(pod), ipc: spec?.hostIPC ? "node" : "pod" },
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    runtimeHandler: inputs.runtimeHandler,
  };
}

export function containerConfig(pod: Pod, container: ContainerSpec, inputs: ContainerInputs): ContainerConfig {
  return {
    metadata: { name: container.name, attempt: inputs.attempt },
    image: inputs.imageId,
    command: inputs.command,
    args: inputs.args,
    workingDir: container.workingDir ?? "",
    env: inputs.env,
    mounts: inputs.mounts,
    labels: {
      ...label.podLabels(pod),
      [label.CONTAINER_NAME]: container.name,
      [label.CONTAINER_KIND]: inputs.kind,
    },
    annotations: {
      [label.CONTAINER_HASH]: label.containerHash(container),
      [label.RESTART_COUNT]: String(inputs.attempt),
      [label.MESSAGE_PATH]: container.terminationMessagePath ?? "",
      [label.MESSAGE_POLICY]: container.terminationMessagePolicy ?? "File",
      [label.MESSAGE_FILE]: inputs.messageFile,
      [label.GRACE_PERIOD]: String(pod.spec?.terminationGracePeriodSeconds ?? 30),
    },
    logPath: `${container.name}/${inputs.attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: containerResources(pod, container, inputs.capacityBytes),
    security: securityOf(pod, container, inputs.seccompRoot),
    pidMode: inputs.pidTarget === undefined ? pidMode(pod) : { container: inputs.pidTarget },
  };
}

function securityOf(pod: Pod, container: ContainerSpec, seccompRoot: string): ContainerSecurity {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const runAsUser = own.runAsUser ?? shared.runAsUser;
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  const privileged = own.privileged ?? false;
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    privileged,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    supplementalGroups: [...new Set(groups)],
    ...(shared.supplementalGroupsPolicy === "Strict" ? { supplementalGroupsPolicy: "strict" } : {}),
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    seccomp: privileged ? { type: "unconfined" } : seccompOf(own.seccompProfile ?? shared.seccompProfile, seccompRoot),
  };
}

function seccompOf(profile: SeccompField | undefined, root: string): SeccompProfile {
  if (profile?.type === "RuntimeDefault") return { type: "runtimeDefault" };
  if (profile?.type === "Localhost") return { type: "localhost", path: `${root}/${profile.localhostProfile ?? ""}` };
  return { type: "unconfined" };
}

/** Whose processes the Pod's containers see. */
export function pidMode({ spec }: Pod): NamespaceMode {
  if (spec?.hostPID) return "node";
  return spec?.shareProcessNamespace ? "pod" : "container";
}

function portMappings({ spec }: Pod): readonly PortMapping[] {
  return (spec?.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) > 0)
    .map((port) => ({
      protocol: (port.protocol ?? "TCP") as PortMapping["protocol"],
      containerPort: port.containerPort,
      hostPort: port.hostPort!,
      hostIp: port.hostIP ?? "",
    }));
}

/** A short name for a file that belongs to one attempt of one container. */
export function attemptFile(pod: Pod, name: string, attempt: number): string {
  return createHash("sha256").update(`${pod.metadata.uid}/${name}/${attempt}`).digest("hex").slice(0, 8);
}
