/** The bind mounts of a container: its sandbox' files, unless it brings its own, and what it asks for. */
import { MinkeError, messageOf } from "../../base/errors.ts";
import { ensureFolder, exists } from "../../host/files.ts";
import type { BindMount } from "../../oci/mounts.ts";
import { sandboxPaths } from "../layout.ts";
import type { SandboxRecord } from "../records.ts";
import type { ContainerConfig, Mount } from "../runtime.ts";
import type { Scope } from "../scope.ts";

/** Reads, and for a kubelet makes, what is to be mounted. */
export async function containerMounts(
  scope: Scope,
  sandbox: SandboxRecord,
  config: ContainerConfig,
): Promise<readonly BindMount[]> {
  const { owner } = sandbox.config;
  if (owner === "cri") await Promise.all(config.mounts.map(async (mount) => makeSource(mount, config)));
  const own = config.mounts.map(({ containerPath, hostPath, readonly, propagation }) => {
    return { source: hostPath, destination: containerPath, readonly, propagation };
  });
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

/**
 * A kubelet leaves it to its runtime to make the directory of a hostPath volume that is not there (containerd: WithMounts of
 * its CRI). The engine's volumes are there, and one that is not is an error.
 */
async function makeSource({ hostPath, containerPath }: Mount, config: ContainerConfig): Promise<void> {
  try {
    if (!(await exists(hostPath))) await ensureFolder(hostPath, 0o755);
  } catch (cause) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot create container "${config.metadata.name}": ${hostPath}, to be mounted on ${containerPath}, is not there and can not be made: ${messageOf(cause)}`,
      { cause, reason: "CreateContainerError", details: { hostPath, containerPath } },
    );
  }
}
