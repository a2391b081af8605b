/** Starting a created container, once. */
import { readFileSync } from "node:fs";

import { isMinkeError, messageOf, MinkeError } from "../../base/errors.ts";
import { commandFailureExit, NOT_FOUND_EXIT } from "../../oci/crun.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { watchMonitor } from "../events/watch-process.ts";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import type { Container } from "../runtime.ts";
import { announce, handlerOf, type ContainerEntry, type Scope } from "../scope.ts";
import { launch, unlaunch } from "./launch.ts";
import { containerOf, requireContainer } from "./list.ts";
import { finish, settleLocked, START_ERROR_EXIT } from "./settle.ts";

export async function startContainer(scope: Scope, id: string): Promise<Container> {
  const entry = requireContainer(scope, id, "start a container");
  await startEntry(scope, entry);
  return containerOf(entry);
}

/**
 * Makes its process and lets it run. The time is written down between the two, so that recovery never starts it a second
 * time. What the OCI runtime refuses is how the container ends; a start that nobody waits for any more, or that can not be
 * written down, leaves it as it was created.
 */
export async function startEntry(scope: Scope, entry: ContainerEntry, signal?: AbortSignal): Promise<void> {
  const { id } = entry.record;
  const { checkpoint } = containerPaths(scope.layout, id);
  await scope.locks.run(id, async () => {
    await settleLocked(scope, entry);
    const created = requireCreated(entry);
    using _span = scope.trace.span(created.podUid, "container.start", created.config.metadata.name);
    try {
      // A daemon that was killed in the middle of a start has left it a process that waits, or runs by now.
      if (!created.process) entry.record = { ...created, ...(await refusable(launch(scope, created, signal))) };
      const started = { ...entry.record, startedMs: scope.clock.now() };
      writeCheckpoint(checkpoint, started);
      await refusable(letRun(scope, created, signal));
      entry.record = started;
    } catch (error) {
      const { process: _process, conmon: _conmon, ...unlaunched } = created;
      await unlaunch(scope, created);
      entry.record = unlaunched;
      if (error instanceof Refused && !signal?.aborted) await fail(scope, entry, error.cause);
      writeCheckpoint(checkpoint, unlaunched);
      throw error instanceof Refused ? error.cause : error;
    }
    watchMonitor(scope, entry);
    // Not before it is true: a daemon that dies before that leaves it to be started, or removed, by the next.
    announce(scope, "started", entry.record);
  });
}

/** What the OCI runtime said no with. */
class Refused extends Error {}

async function refusable<T>(task: Promise<T>): Promise<T> {
  return task.catch((cause: unknown) => {
    throw new Refused("", { cause });
  });
}

/** A start that was cut short may have been completed behind our back. */
async function letRun(scope: Scope, record: ContainerRecord, signal?: AbortSignal): Promise<void> {
  const { crun } = handlerOf(scope, record);
  try {
    await crun.start(record.id, signal);
  } catch (error) {
    const state = signal?.aborted ? undefined : await crun.state(record.id).catch(() => undefined);
    if (state?.status !== "running") throw error;
  }
}

/** The record of one that was never started. */
function requireCreated({ record }: ContainerEntry): ContainerRecord {
  if (!record.ended && record.startedMs === undefined) return record;
  const { name } = record.config.metadata;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot start container "${name}": it has ${record.ended ? "ended" : "been started"} already; create a new one`,
    { details: { containerId: record.id } },
  );
}

/** It ends as containerd has it. */
async function fail(scope: Scope, entry: ContainerEntry, cause: unknown): Promise<never> {
  const { name } = entry.record.config.metadata;
  const message = startFailure(commandIn(scope, entry.record), saidBy(cause));
  const finishedMs = scope.clock.now();
  await finish(scope, entry, { exitCode: START_ERROR_EXIT, reason: "StartError", message, finishedMs });
  throw new MinkeError("FailedPrecondition", `Cannot start container "${name}": ${message}`, {
    reason: "StartError",
    cause,
    details: { containerId: entry.record.id, exitCode: START_ERROR_EXIT },
  });
}

/** The OCI runtime's own words, without what led to them. */
function saidBy(cause: unknown): string {
  const told = isMinkeError(cause) ? cause.details["runtimeMessage"] : undefined;
  return typeof told === "string" ? told : messageOf(cause);
}

function commandIn(scope: Scope, { id }: ContainerRecord): string {
  const spec = JSON.parse(readFileSync(containerPaths(scope.layout, id).config, "utf8")) as RuntimeSpec;
  return spec.process.args[0] ?? "";
}

/** containerd's words, which people know and tools look for. */
function startFailure(command: string, why: string): string {
  const exit = commandFailureExit(why);
  const told =
    exit === undefined
      ? why
      : exit === NOT_FOUND_EXIT
        ? `exec: "${command}": executable file not found in $PATH`
        : `exec: "${command}": ${why.replace(/^exec: ".*?": /, "")}`;
  return `failed to create task: OCI runtime create failed: ${told}`;
}
