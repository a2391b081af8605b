/** Starting a created container, once. */
import { messageOf, MinkeError } from "../../base/errors.ts";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import type { Container } from "../runtime.ts";
import { announce, handlerOf, type ContainerEntry, type Scope } from "../scope.ts";
import { startFailure } from "./create.ts";
import { containerOf, requireContainer } from "./list.ts";
import { finish, settleLocked, START_ERROR_EXIT } from "./settle.ts";

export async function startContainer(scope: Scope, id: string): Promise<Container> {
  const entry = requireContainer(scope, id, "start a container");
  await startEntry(scope, entry);
  return containerOf(entry);
}

/** The time is written down before `crun start`, so that recovery never starts it a second time. */
export async function startEntry(scope: Scope, entry: ContainerEntry, signal?: AbortSignal): Promise<void> {
  const { id } = entry.record;
  await scope.locks.run(id, async () => {
    await settleLocked(scope, entry);
    requireCreated(entry);
    const { podUid, config, startFailure: failure } = entry.record;
    using _span = scope.trace.span(podUid, "container.start", config.metadata.name);
    if (failure !== undefined) await fail(scope, entry, failure);
    const created = entry.record;
    const started = { ...created, startedMs: scope.clock.now() };
    writeCheckpoint(containerPaths(scope.layout, id).checkpoint, started);
    try {
      await handlerOf(scope, created).crun.start(id, signal);
    } catch (error) {
      if (await runsAlready(scope, created)) return tell(scope, entry, started);
      if (signal?.aborted) {
        // Nobody wants it any more: it stays as it was made, until it is removed.
        writeCheckpoint(containerPaths(scope.layout, id).checkpoint, created);
        throw error;
      }
      if (created.process) scope.host.process.kill(created.process.pid, "SIGKILL", created.process.startTime);
      await fail(scope, entry, startFailure(config.command[0] ?? config.image, messageOf(error)), error);
    }
    tell(scope, entry, started);
  });
}

/** Not before it is true: a daemon that dies before that leaves it to be started, or removed, by the next. */
function tell(scope: Scope, entry: ContainerEntry, started: ContainerRecord): void {
  entry.record = started;
  announce(scope, "started", started);
}

/** The daemon that was killed in the middle of a start may have left it to be completed behind our back. */
async function runsAlready(scope: Scope, record: ContainerRecord): Promise<boolean> {
  const state = await handlerOf(scope, record)
    .crun.state(record.id)
    .catch(() => undefined);
  return state?.status === "running";
}

function requireCreated({ record }: ContainerEntry): void {
  if (!record.ended && record.startedMs === undefined) return;
  const { name } = record.config.metadata;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot start container "${name}": it has ${record.ended ? "ended" : "been started"} already; create a new one`,
    { details: { containerId: record.id } },
  );
}

async function fail(scope: Scope, entry: ContainerEntry, message: string, cause?: unknown): Promise<never> {
  const finishedMs = scope.clock.now();
  await finish(scope, entry, { exitCode: START_ERROR_EXIT, reason: "StartError", message, finishedMs });
  const { name } = entry.record.config.metadata;
  throw new MinkeError("FailedPrecondition", `Cannot start container "${name}": ${message}`, {
    reason: "StartError",
    cause,
    details: { containerId: entry.record.id, exitCode: START_ERROR_EXIT },
  });
}
