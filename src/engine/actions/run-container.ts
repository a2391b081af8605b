import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expandVariables } from "../../api/env-expand.ts";
import type { Container as ContainerSpec } from "../../api/gen/types.ts";
import { assert } from "../../base/assert.ts";
import { isMinkeError, messageOf, MinkeError } from "../../base/errors.ts";
import type { Image } from "../../runtime/image.ts";
import type { ContainerConfig, Sandbox } from "../../runtime/runtime.ts";
import type { LiveScene } from "../act.ts";
import type { Action } from "../action.ts";
import { backoffKey } from "../crash-backoff.ts";
import { resolveEnvironment } from "../environment.ts";
import { containerPath } from "../events.ts";
import { hostsFile } from "../hosts-file.ts";
import type { ContainerKind } from "../labels.ts";
import type { PodMemory } from "../memory.ts";
import { mountsOf } from "../mounts.ts";
import { isUsable, newestContainer } from "../observe.ts";
import { forgetReplacing } from "../replacing.ts";
import { verifyRunAsNonRoot } from "../run-as-non-root.ts";
import { createMessageFile } from "../termination-message.ts";
import { attemptFile, containerConfig, logDirectoryName, pidMode } from "../translate.ts";
import { presentImage } from "./ensure-image.ts";
import { findContainer } from "./find-container.ts";

type RunContainer = Action & { readonly type: "RunContainer" };
/** Image, environment, mounts, and then the runtime's `runContainer`. Leaves events for each step. */
export async function runContainer(scene: LiveScene, action: RunContainer, signal: AbortSignal): Promise<void> {
  const { deps, pod, memory, observed } = scene;
  using _span = deps.trace.span(memory.uid, "engine.container", action.name);
  const { spec, kind } = findContainer(pod, action.name);
  noteRestart(scene, spec);
  const image = memory.images.get(spec.name) ?? (await presentImage(scene, spec.name, signal));
  memory.images.delete(spec.name);
  const path = containerPath(kind, spec.name);
  try {
    const sandbox = observed.sandboxes.find((candidate) => candidate.id === action.sandboxId);
    assert(isUsable(sandbox), "a container is planned only in a sandbox that is ready");
    const config = await configOf(scene, { action, spec, kind, image, sandbox });
    using _slot = await deps.startSlots.acquire();
    signal.throwIfAborted();
    await deps.runtime.runContainer(action.sandboxId, config, signal);
    forgetReplacing(deps.paths.podsRoot, memory, spec.name);
    deps.events.record(pod, "Normal", "Created", "Container created", path);
    deps.events.record(pod, "Normal", "Started", "Container started", path);
  } catch (error) {
    if (signal.aborted) throw error;
    if (!(isMinkeError(error) && error.details["recorded"])) {
      deps.events.record(pod, "Warning", "Failed", `Error: ${messageOf(error)}`, path);
    }
    throw error;
  }
}

/** A restart makes the next one wait longer. Noted before the attempt: one that fails to start counts. */
function noteRestart({ deps, memory, observed }: LiveScene, spec: ContainerSpec): void {
  const newest = newestContainer(observed, spec.name);
  if (newest?.state.phase !== "exited" || memory.replacing.get(spec.name) === newest.id) return;
  // A start that fails before there is a container is tried again on the same end: that counts once.
  if (memory.counted.get(spec.name) === newest.id) return;
  memory.counted.set(spec.name, newest.id);
  memory.restarts.next(backoffKey(spec), newest.state.finishedMs, deps.clock.now());
}

type Spec = ReturnType<typeof findContainer>["spec"];

interface Parts {
  readonly action: RunContainer;
  readonly spec: Spec;
  readonly kind: ContainerKind;
  readonly image: Image;
  readonly sandbox: Sandbox;
}

async function configOf(scene: LiveScene, parts: Parts): Promise<ContainerConfig> {
  const { deps, pod, memory } = scene;
  const { action, spec, kind, image, sandbox } = parts;
  verifyRunAsNonRoot(pod, spec, image.config.user);
  const ips = pod.spec?.hostNetwork ? [deps.node.ip] : sandbox.ips;
  const env = resolveEnvironment(pod, spec, {
    store: deps.store,
    allocatable: deps.node.allocatable,
    apiServer: await deps.node.apiServer,
    fields: { nodeName: deps.node.name, hostIp: deps.node.ip, podIps: ips },
  });
  const lookup = new Map(env);
  const expand = (text: string): string => expandVariables(text, (name) => lookup.get(name));
  const directory = join(deps.paths.podsRoot, memory.uid);
  const messageFile = join(directory, "containers", spec.name, attemptFile(pod, spec.name, action.attempt));
  const hosts = join(directory, "etc-hosts");
  createMessageFile(messageFile);
  // The others' folders are there since the volumes were prepared; this one was not known then.
  if (kind === "ephemeral") {
    mkdirSync(join(deps.paths.podLogs, logDirectoryName(pod), spec.name), { recursive: true, mode: 0o755 });
  }
  writeHosts(
    memory,
    hosts,
    hostsFile(pod, sandbox.ips, () => readFileSync("/etc/hosts", "utf8")),
  );
  const mounts = await mountsOf(pod, spec, {
    volumes: deps.volumes,
    prepared: memory.volumes ?? new Map(),
    hostsFile: hosts,
    messageFile,
  });
  return containerConfig(pod, spec, {
    attempt: action.attempt,
    kind,
    ...pidTargetOf(scene, spec),
    imageId: image.id,
    env,
    command: (spec.command ?? []).map(expand),
    args: (spec.args ?? []).map(expand),
    mounts,
    messageFile,
    capacityBytes: deps.node.capacity.memoryBytes,
    seccompRoot: deps.paths.seccompRoot ?? join(deps.paths.podsRoot, "..", "seccomp"),
  });
}

/** The container that it looks into. Where the Pod's containers share a PID namespace anyway there is nothing to join. */
function pidTargetOf(
  { pod, observed }: LiveScene,
  { targetContainerName = "" }: Spec,
): { readonly pidTarget?: string } {
  if (targetContainerName === "" || pidMode(pod) !== "container") return {};
  const target = newestContainer(observed, targetContainerName);
  if (target?.state.phase === "running") return { pidTarget: target.id };
  throw new MinkeError("FailedPrecondition", `unable to find target container ${targetContainerName}`, {
    reason: "CreateContainerConfigError",
  });
}

/** The containers of a Pod share the file: it is written once per content, whole. */
function writeHosts(memory: PodMemory, path: string, text: string): void {
  if (memory.hosts === text) return;
  const temporary = `${path}.tmp`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  writeFileSync(temporary, text, { mode: 0o644 });
  renameSync(temporary, path);
  memory.hosts = text;
}
