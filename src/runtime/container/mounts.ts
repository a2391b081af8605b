/** The bind mounts of a container: its sandbox' files, unless it brings its own, and what it asks for. */
import { isDeepStrictEqual } from "node:util";

import { MinkeError, messageOf } from "../../base/errors.ts";
import { ensureFolder, exists } from "../../host/files.ts";
import type { BindMount } from "../../oci/mounts.ts";
import { containerPaths, sandboxPaths } from "../layout.ts";
import type { ContainerRecord, SandboxRecord } from "../records.ts";
import type { ContainerConfig, Mount } from "../runtime.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { makePlace } from "./own-mounts.ts";

/**
 * Refuses what contradicts itself. CRI: recursive_read_only needs readonly and private propagation; an image is never
 * writable.
 */
export function checkMounts({ mounts, metadata }: ContainerConfig): void {
  for (const { containerPath, readonly, propagation, recursiveReadonly = false, image } of mounts) {
    const why =
      recursiveReadonly && !readonly
        ? "it is recursively read-only, and not read-only; set readonly too"
        : recursiveReadonly && propagation !== "private"
          ? `it is recursively read-only, and its propagation is ${propagation}; leave that private`
          : image && !readonly
            ? "an image can not be written; set readonly"
            : undefined;
    if (why === undefined) continue;
    throw new MinkeError(
      "InvalidArgument",
      `Cannot create container "${metadata.name}": its mount on ${containerPath} is refused: ${why}`,
      { reason: "CreateContainerError", details: { containerPath } },
    );
  }
}

/** Whoever asks for a whole tree to be read-only must not get a part. */
async function requireRecursive(
  scope: Scope,
  sandbox: SandboxRecord,
  { mounts, metadata }: ContainerConfig,
): Promise<void> {
  const mount = mounts.find(({ recursiveReadonly }) => recursiveReadonly === true);
  if (!mount) return;
  const { recursiveReadonly, version } = await handlerOf(scope, { handler: sandbox.config.runtimeHandler }).abilities();
  if (recursiveReadonly) return;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot create container "${metadata.name}": ${version} can not make the mount on ${mount.containerPath} recursively read-only; leave recursiveReadonly out`,
    { reason: "CreateContainerError", details: { containerPath: mount.containerPath } },
  );
}

/** Reads, and for a kubelet makes, what is to be mounted. `images` has the host paths of what comes from images. */
export async function containerMounts(
  scope: Scope,
  sandbox: SandboxRecord,
  { id, config }: ContainerRecord,
  images: ReadonlyMap<string, string>,
): Promise<readonly BindMount[]> {
  const { owner } = sandbox.config;
  await requireRecursive(scope, sandbox, config);
  const own = await Promise.all(
    config.mounts.map(async (mount, i) => {
      if (!mount.image) await checkSource(scope, mount, { config, make: owner === "cri" });
      const shifted = async (): Promise<string> =>
        shiftOwners(scope, sandbox, mount, { config, id, place: `volume-${i}` });
      const source = images.get(mount.containerPath) ?? (await shifted());
      const { containerPath: destination, readonly, propagation, recursiveReadonly = false } = mount;
      return { source, destination, readonly, propagation, recursiveReadonly };
    }),
  );
  const paths = sandboxPaths(scope.layout, sandbox.id);
  const taken = new Set(own.map((mount) => mount.destination));
  const files = [
    { source: paths.resolvConf, destination: "/etc/resolv.conf" },
    { source: paths.hostname, destination: "/etc/hostname" },
    // The engine brings one that it writes itself, as a kubelet does for all but the simplest clients.
    ...(owner === "cri" ? [{ source: paths.hosts, destination: "/etc/hosts" }] : []),
  ].filter(({ destination }) => !taken.has(destination));
  const readonly = config.security.readonlyRootfs;
  return [...files.map((file) => ({ ...file, readonly, propagation: "private" as const })), ...own];
}

/** The path to bind: an idmapped mount of the host's when the mount has mappings, which must be the sandbox' own. */
async function shiftOwners(
  scope: Scope,
  sandbox: SandboxRecord,
  { hostPath, containerPath, uidMappings = [], gidMappings = [] }: Mount,
  { config, id, place }: { readonly config: ContainerConfig; readonly id: string; readonly place: string },
): Promise<string> {
  if (uidMappings.length + gidMappings.length === 0) return hostPath;
  const { user } = sandbox.config.namespaces;
  const userns = sandbox.namespacePaths.user;
  if (userns === undefined || !isDeepStrictEqual({ uidMappings, gidMappings }, user)) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot create container "${config.metadata.name}": the id mappings of its mount on ${containerPath} are not those of its sandbox' user namespace; give the same, or none`,
      { reason: "CreateContainerError", details: { containerPath } },
    );
  }
  const target = await makePlace(containerPaths(scope.layout, id).places, place, hostPath);
  await scope.host.mount.idmap({ source: hostPath, target, userns });
  return target;
}

/**
 * A kubelet leaves it to its runtime to make the directory of a hostPath volume that is not there (containerd: WithMounts of
 * its CRI). The engine's volumes are there, and one that is not is an error, which crun tells.
 */
async function checkSource(
  scope: Scope,
  { hostPath, containerPath, propagation }: Mount,
  { config, make }: { readonly config: ContainerConfig; readonly make: boolean },
): Promise<void> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot create container "${config.metadata.name}": ${hostPath}, to be mounted on ${containerPath}, ${why}`,
      { cause, reason: "CreateContainerError", details: { hostPath, containerPath } },
    );
  };
  try {
    if (make && !(await exists(hostPath))) await ensureFolder(hostPath, 0o755);
    if (propagation === "private" || !(await exists(hostPath))) return;
  } catch (cause) {
    refuse(`is not there and can not be made: ${messageOf(cause)}`, cause);
  }
  const peers = await scope.host.mount.peers(hostPath);
  if (peers === "shared" || (peers === "slave" && propagation === "hostToContainer")) return;
  refuse(`lies in a mount that is ${peers}, so no mounts can travel (${propagation}); mount --make-rshared it first`);
}
