/** Namespace modes, there and back. */
import type { Init } from "../message.ts";

import type { ContainerConfig, IdMapping, NamespaceMode as Mode, SandboxConfig } from "../../../runtime/runtime.ts";
import type { IDMapping, NamespaceOption, NamespaceOptionSchema, UserNamespace } from "../gen/runtime/v1/api_pb.ts";
import { NamespaceMode, NamespaceModeSchema } from "../gen/runtime/v1/api_pb.ts";
import { invalid, known, required } from "../invalid.ts";

type Namespaces = SandboxConfig["namespaces"];

/** Without options every namespace is the Pod's: the number of POD is 0. */
export function sandboxNamespaces(options: NamespaceOption | undefined, field: string): Namespaces {
  const user = userNamespace(options?.usernsOptions, `${field}.userns_options`);
  return {
    network: podOrNode(options?.network ?? NamespaceMode.POD, `${field}.network`),
    pid: sandboxPid(options?.pid ?? NamespaceMode.POD, `${field}.pid`),
    ipc: podOrNode(options?.ipc ?? NamespaceMode.POD, `${field}.ipc`),
    ...(user === undefined ? {} : { user }),
  };
}

function podOrNode(mode: number, field: string): "pod" | "node" {
  known(NamespaceModeSchema, mode, field);
  if (mode === NamespaceMode.POD) return "pod";
  if (mode === NamespaceMode.NODE) return "node";
  throw invalid(field, NamespaceModeSchema.values.find(({ number }) => number === mode)?.name, "must be POD or NODE");
}

function sandboxPid(mode: number, field: string): Mode {
  if (mode === NamespaceMode.CONTAINER) return "container";
  return podOrNode(mode, field);
}

/** KEP-127: a mapping each, and somebody must be root inside. */
function userNamespace(userns: UserNamespace | undefined, field: string): Namespaces["user"] {
  if (!userns || podOrNode(userns.mode, `${field}.mode`) === "node") return undefined;
  return {
    uidMappings: oneMapping(userns.uids, `${field}.uids`),
    gidMappings: oneMapping(userns.gids, `${field}.gids`),
  };
}

function oneMapping(mappings: readonly IDMapping[], field: string): readonly IdMapping[] {
  if (mappings.length !== 1) throw invalid(field, idMappings(mappings), "there must be exactly one mapping");
  const [mapping] = idMappings(mappings);
  if (mapping!.containerId !== 0) throw invalid(field, mapping, "id 0 of the container must be mapped");
  if (mapping!.size === 0) throw invalid(field, mapping, "length must not be 0");
  return [mapping!];
}

export function idMappings(mappings: readonly IDMapping[]): readonly IdMapping[] {
  return mappings.map(({ containerId, hostId, length }) => ({ containerId, hostId, size: length }));
}

export function idMappingMessages(
  mappings: readonly IdMapping[] = [],
): Pick<IDMapping, "containerId" | "hostId" | "length">[] {
  return mappings.map(({ containerId, hostId, size }) => ({ containerId, hostId, length: size }));
}

/**
 * A container's PID namespace. POD is what containers are given that say nothing, so in a sandbox with the host's it means
 * the host's. Network, IPC and user are always those of the sandbox, whatever the container says: containerd
 * (WithPodNamespaces) and CRI-O have it so, and clients leave the container's options out.
 */
export function containerPidMode(
  options: NamespaceOption | undefined,
  sandbox: SandboxConfig,
  field: string,
): ContainerConfig["pidMode"] {
  const mode = known(NamespaceModeSchema, options?.pid ?? NamespaceMode.POD, `${field}.pid`);
  switch (mode) {
    case NamespaceMode.TARGET:
      return { container: required(options?.targetId, `${field}.target_id`) };
    case NamespaceMode.CONTAINER:
      return "container";
    case NamespaceMode.NODE:
      return "node";
    default:
      return sandbox.namespaces.pid === "node" ? "node" : "pod";
  }
}

const NUMBERS: Readonly<Record<Mode, NamespaceMode>> = {
  pod: NamespaceMode.POD,
  container: NamespaceMode.CONTAINER,
  node: NamespaceMode.NODE,
};

/** The options of a sandbox for its status. */
export function namespaceOptions({ network, pid, ipc, user }: Namespaces): Init<typeof NamespaceOptionSchema> {
  return {
    network: NUMBERS[network],
    pid: NUMBERS[pid],
    ipc: NUMBERS[ipc],
    ...(user === undefined
      ? {}
      : {
          usernsOptions: {
            mode: NamespaceMode.POD,
            uids: idMappingMessages(user.uidMappings),
            gids: idMappingMessages(user.gidMappings),
          },
        }),
  };
}
