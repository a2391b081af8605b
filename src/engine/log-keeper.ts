/**
 * Keeps containers' logs small and findable: rotation at 10 MiB with 5 files, older ones compressed, a symlink per container
 * under `containers/`, and removal with the Pod. Kubernetes: pkg/kubelet/logs/container_log_manager.go.
 *
 * Nothing is polled while nothing is written: a watch on the log's directory wakes the keeper, which then looks at the size
 * now and then for as long as it grows, and goes back to watching.
 */
import { watch } from "node:fs";
import { mkdir, readdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import type { Pod } from "../api/gen/types.ts";
import type { Clock } from "../base/clock.ts";
import { errnoOf, isMinkeError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Container, Runtime } from "../runtime/runtime.ts";
import { gzipFile } from "./gzip-file.ts";

export const LOG_MAX_BYTES = 10 * 1024 * 1024;
/** Files of one attempt, the current one included. */
export const LOG_FILES_MAX = 5;
/** How often the size of a log that grows is looked at, milliseconds. */
const CHECK_MS = 1_000;

export interface LogKeeper {
  /** Watches a running container's log and links it under `containers/`. Idempotent. */
  follow(pod: Pod, name: string, container: Container): void;
  /** Removes the link of a container that is removed, and stops watching. */
  unlink(containerId: string): Promise<void>;
  /** Removes all logs of a Pod. `pod` is undefined when only its UID is known. */
  removePod(podUid: string, pod: Pod | undefined): Promise<void>;
  /** Removes the logs of Pods that are not in `uids`, and links that lead nowhere. */
  sweep(uids: ReadonlySet<string>): Promise<void>;
  stop(): void;
}

export interface LogKeeperOptions {
  readonly runtime: Pick<Runtime, "reopenLog">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly podLogs: string;
  readonly containerLogs: string;
}

interface Followed {
  readonly path: string;
  watch: Disposable | undefined;
}

export function createLogKeeper(options: LogKeeperOptions): LogKeeper {
  const { podLogs, containerLogs, log } = options;
  const followed = new Map<string, Followed>();

  const forget = (id: string): void => {
    followed.get(id)?.watch?.[Symbol.dispose]();
    followed.delete(id);
  };

  return {
    follow(pod, name, container) {
      if (container.logPath === "" || followed.has(container.id)) return;
      const entry: Followed = { path: container.logPath, watch: undefined };
      followed.set(container.id, entry);
      arm(options, container.id, entry, () => followed.get(container.id) === entry);
      const link = `${pod.metadata.name}_${pod.metadata.namespace}_${name}-${container.id}.log`;
      void linkLog(join(containerLogs, link), container.logPath).catch((error: unknown) =>
        log.warn({ container: container.id, error: messageOf(error) }, "Log not linked"),
      );
    },

    async unlink(containerId) {
      forget(containerId);
      const names = await readdir(containerLogs).catch(() => []);
      const own = names.filter((name) => name.endsWith(`-${containerId}.log`));
      for (const name of own) await rm(join(containerLogs, name), { force: true });
    },

    async removePod(podUid, _pod) {
      const directories = await directoriesOf(podLogs, (uid) => uid === podUid);
      for (const [id, entry] of followed) {
        if (directories.some((directory) => entry.path.startsWith(`${directory}/`))) forget(id);
      }
      for (const directory of directories) await rm(directory, { recursive: true, force: true });
      await removeDangling(containerLogs, directories);
    },

    async sweep(uids) {
      const orphans = await directoriesOf(podLogs, (uid) => !uids.has(uid));
      for (const directory of orphans) await rm(directory, { recursive: true, force: true });
      await removeDangling(containerLogs, orphans);
    },

    stop() {
      for (const id of followed.keys()) forget(id);
    },
  };
}

/** Waits for a write, then checks until the log has stopped growing. */
function arm(options: LogKeeperOptions, id: string, entry: Followed, isCurrent: () => boolean): void {
  const { clock, log } = options;
  let size = -1;
  const check = async (): Promise<void> => {
    if (!isCurrent()) return;
    const now = await sizeOf(entry.path);
    if (!isCurrent()) return;
    // Nobody writes to the log of a container that has ended: it stays as it is.
    if (now >= LOG_MAX_BYTES && !(await rotate(options, id, entry.path))) return;
    if (!isCurrent()) return;
    if (now === size) return listen();
    size = now;
    entry.watch = clock.timer(CHECK_MS, run);
  };
  const run = (): void => {
    check().catch((error: unknown) => {
      log.warn({ container: id, error: messageOf(error) }, "Log not rotated");
      if (isCurrent()) entry.watch = clock.timer(CHECK_MS, run);
    });
  };
  const listen = (): void => {
    entry.watch = watchOnce(entry.path, run);
  };
  listen();
}

function watchOnce(path: string, wake: () => void): Disposable | undefined {
  try {
    const watcher = watch(dirname(path), { persistent: false }, () => {
      watcher.close();
      wake();
    });
    watcher.on("error", () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    // The directory is gone, or the machine is out of watches: the log is not rotated until the next look at the Pod.
    return undefined;
  }
}

/**
 * Moves the log away, has it reopened, compresses what is older than the last, and drops the oldest. False when the container
 * does not run any more; then the log stays where it is.
 */
async function rotate({ runtime, clock }: LogKeeperOptions, id: string, path: string): Promise<boolean> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  const target = await unusedName(path, clock.now());
  const older = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort();
  for (const name of older.filter((candidate) => !candidate.endsWith(".gz"))) await gzipFile(join(directory, name));
  const kept = LOG_FILES_MAX - 2;
  for (const name of older.slice(0, Math.max(0, older.length - kept))) {
    const plain = name.replace(/\.gz$/, "");
    await rm(join(directory, `${plain}.gz`), { force: true });
  }
  await rename(path, target);
  try {
    await runtime.reopenLog(id);
  } catch (error) {
    await rename(target, path).catch(() => {});
    if (isMinkeError(error, "FailedPrecondition") || isMinkeError(error, "NotFound")) return false;
    throw error;
  }
  return true;
}

/** A clock that was set back must not make a rotation overwrite an earlier one. */
async function unusedName(path: string, nowMs: number): Promise<string> {
  for (let ms = nowMs; ; ms += 1000) {
    const name = `${path}.${stamp(ms)}`;
    if (!(await exists(name)) && !(await exists(`${name}.gz`))) return name;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await sizeOf(path)) > 0;
}

function stamp(ms: number): string {
  const digits = new Date(ms).toISOString().replace(/[-:]/g, "");
  return `${digits.slice(0, 8)}-${digits.slice(9, 15)}`;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}

async function linkLog(link: string, path: string): Promise<void> {
  await mkdir(dirname(link), { recursive: true });
  await rm(link, { force: true });
  await symlink(path, link);
}

async function directoriesOf(podLogs: string, select: (uid: string) => boolean): Promise<readonly string[]> {
  const names = await readdir(podLogs).catch(() => []);
  return names
    .filter((name) => /^[^_]+_[^_]+_[^_]+$/.test(name) && select(name.slice(name.lastIndexOf("_") + 1)))
    .map((name) => join(podLogs, name));
}

/** Links into directories that have been removed. */
async function removeDangling(containerLogs: string, directories: readonly string[]): Promise<void> {
  // The names tell whose link it is, so that the links of other Pods need not be read.
  const prefixes = directories.map((directory) => {
    const [namespace, pod] = basename(directory).split("_");
    return `${pod}_${namespace}_`;
  });
  if (prefixes.length === 0) return;
  for (const name of await readdir(containerLogs).catch(() => [])) {
    if (!prefixes.some((prefix) => name.startsWith(prefix))) continue;
    const link = join(containerLogs, name);
    const target = await readlink(link).catch(() => "");
    if (directories.some((directory) => target.startsWith(`${directory}/`))) await rm(link, { force: true });
  }
}
