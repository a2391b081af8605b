/** From a container's configuration, its image and its sandbox to the OCI spec. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

import { MinkeError } from "../../base/errors.ts";
import { apparmorProfile } from "../../oci/apparmor.ts";
import { missingCapabilities } from "../../oci/capabilities.ts";
import { hostDevices, requestedDevices } from "../../oci/host-devices.ts";
import type { RuntimeSpec, SpecDevice } from "../../oci/runtime-spec.ts";
import { buildSpec, type SpecNamespaces } from "../../oci/spec.ts";
import { resolveUser } from "../../oci/users.ts";
import type { Image } from "../image.ts";
import { containerPaths, sandboxPaths } from "../layout.ts";
import type { ContainerRecord, SandboxRecord } from "../records.ts";
import type { Container, ContainerConfig } from "../runtime.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { containerMounts } from "./mounts.ts";
import { pidNamespace } from "./pid-namespace.ts";

/** What a spec is made from; `images` has the host paths of mounts that come from images. */
export interface SpecSources {
  readonly sandbox: SandboxRecord;
  readonly record: ContainerRecord;
  readonly image: Image;
  readonly images: ReadonlyMap<string, string>;
}

/** A spec, and what of it has to be told. */
export interface ContainerSpec {
  readonly spec: RuntimeSpec;
  readonly user: Container["user"];
}

/** Reads what it needs of the mounted root file system (users), and of the host (profiles, devices, what is mounted). */
export async function containerSpec(
  scope: Scope,
  { sandbox, record, image, images }: SpecSources,
): Promise<ContainerSpec> {
  const { config } = record;
  const { apparmorProfile: wantedProfile, ...security } = config.security;
  const { rootfs } = containerPaths(scope.layout, record.id);
  const { crun } = handlerOf(scope, record);
  using _span = scope.trace.span(record.podUid, "container.spec", config.metadata.name);
  const args = commandOf(config, image);
  const [user, profile, privileges, devices, apparmor, mounts] = await Promise.all([
    resolveUser(rootfs, { ...security, imageUser: image.config.user }),
    readProfile(config),
    scope.privileges(sandbox.cgroupPath),
    devicesOf(config),
    apparmorProfile(wantedProfile),
    containerMounts(scope, sandbox, record, images),
  ]);
  warnOfMissing(scope, config, privileges.boundingSet);
  const shm = sandboxPaths(scope.layout, sandbox.id).shm;
  const spec = buildSpec({
    rootfs,
    readonlyRootfs: security.readonlyRootfs,
    args,
    env: [...image.config.env, ...config.env.map(([name, value]) => `${name}=${value}`)],
    cwd: config.workingDir || image.config.workingDir || "/",
    tty: config.tty,
    user,
    hostname: sandbox.config.namespaces.network === "node" ? hostname() : sandbox.config.hostname,
    ...(sandbox.config.namespaces.user ? { userNamespace: sandbox.config.namespaces.user } : {}),
    namespaces: namespacesOf(scope, sandbox, config),
    mounts,
    security: { ...security, ...(apparmor === undefined ? {} : { apparmorProfile: apparmor }) },
    ...(profile === undefined ? {} : { seccompProfileJson: profile }),
    resources: config.resources,
    cgroupsPath: crun.cgroupOf(sandbox.cgroupPath, record.id).cgroupsPath,
    shmPath: sandbox.config.namespaces.ipc === "node" ? "/dev/shm" : shm,
    boundingSet: privileges.boundingSet,
    annotations: crun.cgroupAnnotations(config.resources),
    oomScoreAdjMin: privileges.oomScoreAdjMin,
    cgroupVersion: scope.host.cgroup.version,
    cpus: privileges.cpus,
    abilities: privileges.cgroup,
    devices: devices.nodes,
    deviceRules: devices.rules,
  });
  return { spec, user: { uid: user.uid, gid: user.gid, supplementalGroups: user.additionalGids } };
}

/** What was asked for by name replaces the host's node of that name. */
async function devicesOf({ security, devices = [] }: ContainerConfig): ReturnType<typeof requestedDevices> {
  const asked = await requestedDevices(devices);
  if (!security.privileged) return asked;
  const named = new Set(asked.nodes.map(({ path }) => path));
  const others = (await hostDevices()).filter(({ path }: SpecDevice) => !named.has(path));
  return { nodes: [...others, ...asked.nodes], rules: [] };
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

function namespacesOf(scope: Scope, sandbox: SandboxRecord, config: ContainerConfig): SpecNamespaces {
  const { net, ipc, uts, user } = sandbox.namespacePaths;
  return {
    ...(net === undefined ? {} : { net }),
    ...(ipc === undefined ? {} : { ipc }),
    ...(uts === undefined ? {} : { uts }),
    ...(user === undefined ? {} : { user }),
    pid: pidNamespace(scope, sandbox, config),
  };
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
