/** Making a container: its root file system and its spec. Its process is made when it is started. */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { MinkeError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import type { Image } from "../image.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import type { Container, ContainerConfig } from "../runtime.ts";
import { requireSandbox } from "../sandbox/update.ts";
import { rootIds } from "../sandbox/user-namespace.ts";
import { addContainer, announce, type ContainerEntry, type SandboxEntry, type Scope } from "../scope.ts";
import { discard } from "./discard.ts";
import { mountedImages, mountImages } from "./image-mounts.ts";
import { containerOf } from "./list.ts";
import { checkMounts } from "./mounts.ts";
import { requireImage } from "./require-image.ts";
import { parseSignal } from "./signal.ts";
import { containerSpec } from "./spec.ts";

const DEFAULT_STOP_SIGNAL = "SIGTERM";

/** Rejects as the contract says; what only the OCI runtime finds out shows when it is started. */
export async function createContainer(
  scope: Scope,
  sandboxId: string,
  config: ContainerConfig,
  signal?: AbortSignal,
): Promise<Container> {
  return containerOf(await createEntry(scope, sandboxId, config, signal));
}

/** As {@link createContainer}, for the other verbs. */
export async function createEntry(
  scope: Scope,
  sandboxId: string,
  config: ContainerConfig,
  signal?: AbortSignal,
): Promise<ContainerEntry> {
  signal?.throwIfAborted();
  const sandbox = requireSandbox(scope, sandboxId, `create container "${config.metadata.name}"`);
  const making = make(scope, sandbox, config, signal);
  sandbox.creating.add(making);
  try {
    return await making;
  } finally {
    sandbox.creating.delete(making);
  }
}

async function make(
  scope: Scope,
  sandbox: SandboxEntry,
  config: ContainerConfig,
  signal: AbortSignal | undefined,
): Promise<ContainerEntry> {
  const { uid } = sandbox.record.config.metadata;
  const { name } = config.metadata;
  using _whole = scope.trace.span(uid, "container.create", name);
  requireUsable(sandbox, name);
  checkMounts(config);
  const image = await requireImage(scope, config.image, config);
  const volumes = await mountedImages(scope, config);
  let record: ContainerRecord = {
    ...draft(scope, sandbox, config, image),
    mountedImages: Object.fromEntries(volumes.map(({ mount, image: { id } }) => [mount.containerPath, id])),
  };
  const paths = containerPaths(scope.layout, record.id);

  const begun = record;
  requireFreeName(scope, sandbox, begun);
  scope.makingContainers.add(begun);
  using _made = { [Symbol.dispose]: () => void scope.makingContainers.delete(begun) };
  await using undo = new AsyncDisposableStack();
  undo.defer(() => discard(scope, record, { launched: false }));
  writeCheckpoint(paths.checkpoint, record);
  for (const directory of [paths.upper, paths.work]) mkdirSync(directory);
  mkdirSync(paths.rootfs, { recursive: true, mode: 0o711 });
  const root = rootIds(sandbox.record.config);
  // The root directory is the upper one's: root inside must own it, before overlayfs looks at it.
  if (root) chownSync(paths.upper, root.uid, root.gid);
  const userns = sandbox.record.namespacePaths.user;
  await mountRoot(scope, record, userns);
  const images = await mountImages(scope, record, volumes, userns);
  signal?.throwIfAborted();

  const { spec, user } = await containerSpec(scope, { sandbox: sandbox.record, record, image, images });
  writeFileSync(paths.config, JSON.stringify(spec), { mode: 0o600 });
  if (record.logPath !== "") mkdirSync(join(record.logPath, ".."), { recursive: true, mode: 0o755 });
  signal?.throwIfAborted();
  requireUsable(sandbox, name);

  record = { ...record, created: true, user };
  writeCheckpoint(paths.checkpoint, record);
  undo.move();
  const entry = addContainer(scope, record);
  announce(scope, "created", record);
  return entry;
}

/** A kubelet that repeats a call whose answer it did not wait for must not get a second container. */
function requireFreeName(
  scope: Scope,
  { containers }: SandboxEntry,
  { sandboxId, owner, config }: ContainerRecord,
): void {
  const { name, attempt } = config.metadata;
  const others = [...[...containers].map((entry) => entry.record), ...scope.makingContainers];
  const has = (other: ContainerRecord): boolean =>
    other.sandboxId === sandboxId && other.config.metadata.name === name && other.config.metadata.attempt === attempt;
  if (owner !== "cri" || !others.some(has)) return;
  throw new MinkeError(
    "AlreadyExists",
    `Cannot create container "${name}": one of this name and attempt ${attempt} is in its sandbox; remove it or raise the attempt`,
    { details: { sandboxId, name, attempt } },
  );
}

function requireUsable(sandbox: SandboxEntry, name: string): void {
  if (!sandbox.stopping && !sandbox.record.stopped) return;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot create container "${name}": sandbox ${sandbox.record.id.slice(0, 12)} is stopped; run a new sandbox`,
    { reason: "CreateContainerError" },
  );
}

function draft(scope: Scope, sandbox: SandboxEntry, config: ContainerConfig, image: Image): ContainerRecord {
  const id = newId();
  const { owner, logDirectory, metadata, runtimeHandler } = sandbox.record.config;
  const named = (names: readonly string[]): string | undefined => names[0];
  return {
    id,
    sandboxId: sandbox.record.id,
    owner,
    podUid: metadata.uid,
    ...(runtimeHandler === "" ? {} : { handler: runtimeHandler }),
    config,
    imageId: image.id,
    imageRef: named(image.repoDigests) ?? image.id,
    createdMs: scope.clock.now(),
    cgroupPath: join(sandbox.record.cgroupPath, id),
    logPath: logDirectory === "" || config.logPath === "" ? "" : join(logDirectory, config.logPath),
    stopSignal: stopSignal(scope, config, image),
    created: false,
  };
}

function stopSignal(scope: Scope, config: ContainerConfig, image: Image): string {
  if (config.stopSignal !== undefined) {
    if (parseSignal(config.stopSignal)) return config.stopSignal;
    throw new MinkeError(
      "InvalidArgument",
      `Cannot create container "${config.metadata.name}": stop signal "${config.stopSignal}" is not known; use a name such as SIGTERM or a number`,
      { reason: "CreateContainerConfigError", details: { stopSignal: config.stopSignal } },
    );
  }
  const wanted = image.config.stopSignal ?? "";
  if (wanted === "" || parseSignal(wanted)) return wanted === "" ? DEFAULT_STOP_SIGNAL : wanted;
  scope.log.warn({ image: config.image, stopSignal: wanted }, "An image's stop signal is not known; SIGTERM is used");
  return DEFAULT_STOP_SIGNAL;
}

async function mountRoot(scope: Scope, record: ContainerRecord, userns: string | undefined): Promise<void> {
  using _span = scope.trace.span(record.podUid, "container.rootfs", record.config.metadata.name);
  const { upper, work, rootfs } = containerPaths(scope.layout, record.id);
  const lower = await scope.images.layers(record.imageId);
  await scope.host.mount.overlay({ lower, upper, work, target: rootfs, ...(userns === undefined ? {} : { userns }) });
}
