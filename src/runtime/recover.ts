/**
 * Starting is recovering: read the checkpoints, adopt what lives, write down what ended meanwhile, undo what was half made,
 * and remove what no checkpoint knows. What lives is never touched.
 */
import { existsSync } from "node:fs";

import { messageOf } from "../base/errors.ts";
import { Semaphore } from "../base/semaphore.ts";
import { namesIn, readCheckpoint, removeCheckpoint, writeCheckpoint } from "./checkpoint/checkpoint.ts";
import { discard } from "./container/discard.ts";
import { isLaunched, unlaunch } from "./container/launch.ts";
import { settle, START_ERROR_EXIT } from "./container/settle.ts";
import { watchInit, watchMonitor } from "./events/watch-process.ts";
import { containerPaths, sandboxPaths } from "./layout.ts";
import type { ContainerRecord, SandboxRecord } from "./records.ts";
import {
  addContainer,
  addSandbox,
  dropContainer,
  handlerOf,
  isAlive,
  type ContainerEntry,
  type Scope,
} from "./scope.ts";
import { dismantle } from "./sandbox/dismantle.ts";
import { sandboxName } from "./sandbox/run.ts";
import { sweep } from "./sweep.ts";

/** Containers that are looked at side by side. */
const SIDE_BY_SIDE = 8;

/** Idempotent: what fails is logged, left for the next start, and hinders nothing else. */
export async function recover(scope: Scope): Promise<void> {
  const { layout } = scope;
  const sandboxes = readSandboxes(scope);
  const containers = readContainers(scope);

  // What is whole comes first: taking down what is half made spares what another sandbox uses.
  await each(
    scope,
    sandboxes.filter(({ ready }) => ready),
    "adopt a sandbox",
    async (record) => adoptSandbox(scope, record),
  );
  await each(
    scope,
    sandboxes.filter((record) => !record.ready),
    "undo a half-made sandbox",
    async (record) => {
      await dismantle(scope, record);
      removeCheckpoint(sandboxPaths(layout, record.id).checkpoint);
    },
  );
  const known = containers.filter((record) => record.created && scope.sandboxes.has(record.sandboxId));
  await each(
    scope,
    containers.filter((record) => !known.includes(record)),
    "remove a half-made container",
    (record) => discard(scope, record, { launched: isLaunched(scope, record) }),
  );
  await each(scope, known, "adopt a container", (record) => adopt(scope, addContainer(scope, record)));
  await sweep(scope).catch((error: unknown) => scope.log.error({ why: messageOf(error) }, "Cannot remove all orphans"));
  scope.log.info({ sandboxes: scope.sandboxes.size, containers: scope.containers.size }, "Recovered the runtime");
}

function readSandboxes(scope: Scope): readonly SandboxRecord[] {
  const files = namesIn(scope.layout.sandboxCheckpoints).filter((name) => name.endsWith(".json"));
  return read(
    scope,
    files.map((name) => sandboxPaths(scope.layout, name.slice(0, -".json".length)).checkpoint),
  );
}

function readContainers(scope: Scope): readonly ContainerRecord[] {
  return read(
    scope,
    namesIn(scope.layout.containerRoots).map((id) => containerPaths(scope.layout, id).checkpoint),
  );
}

/** A file that can not be read is removed; what it knew becomes an orphan, and is swept away. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what its files hold
function read<T>(scope: Scope, paths: readonly string[]): readonly T[] {
  const records: T[] = [];
  for (const path of paths) {
    const result = readCheckpoint<T>(path);
    if (result.kind === "read") records.push(result.data);
    if (result.kind !== "corrupt") continue;
    scope.log.error({ path, why: result.why }, "A checkpoint is broken; what it told of is removed");
    removeCheckpoint(path);
  }
  return records;
}

/** One whose namespaces are gone was being stopped: no container may be made in it, and its stop is done again. */
async function adoptSandbox(scope: Scope, record: SandboxRecord): Promise<void> {
  const entry = addSandbox(scope, record);
  scope.names.add(sandboxName(record.config));
  const { net, ipc, uts, user } = record.namespacePaths;
  const pinned = [net, ipc, uts, user].filter((path) => path !== undefined);
  const inodes = await Promise.all(pinned.map(async (path) => scope.host.namespace.inode(path)));
  entry.stopping = inodes.includes(undefined);
  watchInit(scope, entry);
}

/** Its end may have come; its start may have been cut short, before its process was written down or before crun let it run. */
async function adopt(scope: Scope, entry: ContainerEntry): Promise<void> {
  if (entry.record.process) await settle(scope, entry);
  const { record } = entry;
  // It was being removed, or lost its life before it had one: it never ran, and shall not count as if it had.
  if (neverRan(scope, record)) {
    await discard(scope, record, { launched: isLaunched(scope, record) });
    return dropContainer(scope, entry);
  }
  if (record.ended) return;
  if (!record.process) {
    if (isLaunched(scope, record)) await unlaunch(scope, record);
    return;
  }
  watchMonitor(scope, entry);
  if (record.startedMs === undefined || !isAlive(scope, record.process)) return;
  if (!handlerOf(scope, record).crun.waitsForStart(record.id)) return;
  const { startedMs: _notStarted, ...created } = record;
  entry.record = created;
  writeCheckpoint(containerPaths(scope.layout, record.id).checkpoint, created);
}

/** With its bundle, on what a reboot clears, its root file system is gone. */
function neverRan(scope: Scope, { id, ended, startedMs }: ContainerRecord): boolean {
  if (startedMs !== undefined) return false;
  return ended ? ended.exitCode !== START_ERROR_EXIT : !existsSync(containerPaths(scope.layout, id).bundle);
}

async function each<T extends { readonly id: string }>(
  scope: Scope,
  records: readonly T[],
  action: string,
  task: (record: T) => Promise<void>,
): Promise<void> {
  const places = new Semaphore(SIDE_BY_SIDE);
  await Promise.all(
    records.map(async (record) => {
      using _place = await places.acquire();
      try {
        await task(record);
      } catch (error) {
        scope.log.error(
          { id: record.id, why: messageOf(error) },
          `Cannot ${action}; it is tried again at the next start`,
        );
      }
    }),
  );
}
