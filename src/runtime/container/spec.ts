/** From a container's configuration, its image and its sandbox to the OCI spec. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

import { MinkeError } from "../../base/errors.ts";
import { missingCapabilities } from "../../oci/capabilities.ts";
import { hostDevices } from "../../oci/host-devices.ts";
import type { BindMount } from "../../oci/mounts.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { buildSpec, type SpecNamespaces } from "../../oci/spec.ts";
import { resolveUser } from "../../oci/users.ts";
import type { Image } from "../image.ts";
import { containerPaths, sandboxPaths } from "../layout.ts";
import type { ContainerRecord, SandboxRecord } from "../records.ts";
import type { ContainerConfig } from "../runtime.ts";
import type { Scope } from "../scope.ts";

/** Reads what it needs of the mounted root file system (users), and of the host (seccomp profile, devices). */
export async function containerSpec(
  scope: Scope,
  sandbox: SandboxRecord,
  record: ContainerRecord,
  image: Image,
): Promise<RuntimeSpec> {
  const { config } = record;
  const { security } = config;
  const { rootfs } = containerPaths(scope.layout, record.id);
  using _span = scope.trace.span(record.podUid, "container.spec", config.metadata.name);
  const args = commandOf(config, image);
  const [user, profile, privileges, devices] = await Promise.all([
    resolveUser(rootfs, { ...security, imageUser: image.config.user }),
    readProfile(config),
    scope.privileges(),
    security.privileged ? hostDevices() : undefined,
  ]);
  warnOfMissing(scope, config, privileges.boundingSet);
  const shm = sandboxPaths(scope.layout, sandbox.id).shm;
  return buildSpec({
    rootfs,
    readonlyRootfs: security.readonlyRootfs,
    args,
    env: [...image.config.env, ...config.env.map(([name, value]) => `${name}=${value}`)],
    cwd: config.workingDir || image.config.workingDir || "/",
    tty: config.tty,
    user,
    hostname: sandbox.config.namespaces.network === "node" ? hostname() : sandbox.config.hostname,
    namespaces: namespacesOf(sandbox, config),
    mounts: mountsOf(scope, sandbox, config),
    security,
    ...(profile === undefined ? {} : { seccompProfileJson: profile }),
    resources: config.resources,
    cgroupsPath: record.cgroupPath,
    shmPath: sandbox.config.namespaces.ipc === "node" ? "/dev/shm" : shm,
    boundingSet: privileges.boundingSet,
    annotations: {},
    oomScoreAdjMin: privileges.oomScoreAdjMin,
    cgroupVersion: scope.host.cgroup.version,
    cpus: privileges.cpus,
    swapController: privileges.swapController,
    ...(devices ? { hostDevices: devices } : {}),
  });
}

/**
 * Kubernetes' table of command and args against the image's entrypoint and cmd: a command replaces both, args alone only
 * the cmd.
 */
export function commandOf(config: ContainerConfig, image: Pick<Image, "config">): readonly string[] {
  const { entrypoint, cmd } = image.config;
  const command = config.command.length > 0 ? config.command : entrypoint;
  const args = config.args.length > 0 || config.command.length > 0 ? config.args : cmd;
  if (command.length + args.length > 0) return [...command, ...args];
  throw new MinkeError(
    "InvalidArgument",
    `Cannot create container "${config.metadata.name}": no command specified, and image "${config.image}" has neither entrypoint nor cmd; set command`,
    { reason: "CreateContainerError" },
  );
}

function namespacesOf(sandbox: SandboxRecord, config: ContainerConfig): SpecNamespaces {
  const { net, ipc, uts, pid } = sandbox.namespacePaths;
  return {
    ...(net === undefined ? {} : { net }),
    ...(ipc === undefined ? {} : { ipc }),
    ...(uts === undefined ? {} : { uts }),
    pid: config.pidMode === "node" ? "host" : config.pidMode === "pod" && pid !== undefined ? { path: pid } : "new",
  };
}

/** The sandbox' resolv.conf and hostname, unless the container brings its own, and its mounts. */
function mountsOf(scope: Scope, sandbox: SandboxRecord, config: ContainerConfig): readonly BindMount[] {
  const paths = sandboxPaths(scope.layout, sandbox.id);
  const own = config.mounts.map(({ containerPath, hostPath, readonly, propagation }) => {
    return { source: hostPath, destination: containerPath, readonly, propagation };
  });
  const taken = new Set(own.map((mount) => mount.destination));
  const ours = [
    { source: paths.resolvConf, destination: "/etc/resolv.conf" },
    { source: paths.hostname, destination: "/etc/hostname" },
  ].filter(({ destination }) => !taken.has(destination));
  const readonly = config.security.readonlyRootfs;
  return [...ours.map((mount) => ({ ...mount, readonly, propagation: "private" as const })), ...own];
}

async function readProfile(config: ContainerConfig): Promise<string | undefined> {
  const { seccomp, privileged } = config.security;
  if (seccomp.type !== "localhost" || privileged) return undefined;
  try {
    return await readFile(seccomp.path, "utf8");
  } catch (cause) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot create container "${config.metadata.name}": seccomp profile ${seccomp.path} can not be read; put the file there`,
      { cause, reason: "CreateContainerError", details: { path: seccomp.path } },
    );
  }
}

function warnOfMissing(scope: Scope, config: ContainerConfig, boundingSet: readonly string[]): void {
  const { security } = config;
  if (!security.privileged && security.addCapabilities.length === 0) return;
  const missing = missingCapabilities(security, boundingSet);
  if (missing.length > 0) {
    scope.log.warn(
      { container: config.metadata.name, missing },
      "Capabilities that this process lacks can not be given",
    );
  }
}
