/**
 * Finding out that a container has ended, and writing down how. Exit file, processes and bundle say it together, so it does
 * not matter who was running when it happened.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { errnoOf, messageOf } from "../../base/errors.ts";
import { BUNDLE_FILES } from "../../oci/conmon.ts";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord, Ended } from "../records.ts";
import { announce, isAlive, remember, type ContainerEntry, type Scope } from "../scope.ts";

/** As containerd has it, for a container that was lost: its code is not known. */
const UNKNOWN_EXIT = 255;
/** Of a process that was killed: 128 and the signal's number. */
export const SIGKILL_EXIT = 137;
/** What Kubernetes' runtimes give a container that could not be started. containerd: errorStartExitCode. */
export const START_ERROR_EXIT = 128;

/** Writes down the end of a container that has ended; otherwise does nothing. Cheap when there is nothing to see. */
export async function settle(scope: Scope, entry: ContainerEntry): Promise<void> {
  if (entry.record.ended || entry.removed || !looksEnded(scope, entry.record)) return;
  await scope.locks.run(entry.record.id, () => settleLocked(scope, entry));
}

/** As {@link settle}, for who holds the container's lock. */
export async function settleLocked(scope: Scope, entry: ContainerEntry): Promise<void> {
  if (entry.record.ended || entry.removed) return;
  const ended = await endOf(scope, entry.record);
  if (ended) await finish(scope, entry, ended);
}

/** Writes an end down and tells it. The lock is held. */
export async function finish(scope: Scope, entry: ContainerEntry, ended: Ended): Promise<void> {
  const { record } = entry;
  // With a PID namespace of its own, the kernel has killed the rest; in a shared one they would live on.
  if (record.config.pidMode !== "container") await scope.host.cgroup.kill(record.cgroupPath);
  // Nobody needs its root file system any more; what can not be unmounted now, the removal tries again.
  remember(
    scope,
    scope.host.mount.unmount(containerPaths(scope.layout, record.id).rootfs).catch(() => {}),
  );
  entry.record = { ...record, ended };
  try {
    writeCheckpoint(containerPaths(scope.layout, record.id).checkpoint, entry.record);
  } catch (error) {
    // On a full disk. Whoever waits has to hear of it all the same, and after a restart the exit file tells it again.
    scope.log.error({ container: record.id, why: messageOf(error) }, "The end of a container is not written down");
  }
  entry.stop?.timer[Symbol.dispose]();
  entry.exited.resolve();
  announce(scope, "stopped", entry.record);
  scope.log.debug({ container: record.id, name: record.config.metadata.name, ...ended }, "A container ended");
}

function looksEnded(scope: Scope, record: ContainerRecord): boolean {
  if (!record.process || !record.conmon) return false;
  if (existsSync(containerPaths(scope.layout, record.id).exit)) return true;
  return !isAlive(scope, record.conmon);
}

async function endOf(scope: Scope, record: ContainerRecord): Promise<Ended | undefined> {
  const told = await readExit(scope, record);
  if (told || !record.process || !record.conmon) return told;
  if (isAlive(scope, record.conmon)) return undefined; // the process may be gone: the monitor is about to tell
  const late = await readExit(scope, record);
  if (late) return late;
  const finishedMs = scope.clock.now();
  if (!existsSync(containerPaths(scope.layout, record.id).bundle)) {
    return {
      exitCode: UNKNOWN_EXIT,
      reason: "Unknown",
      message: "It was lost over a restart of the machine",
      finishedMs,
    };
  }
  // Without its monitor nobody would see it end, and nobody reads what it writes: as containerd does when a shim dies.
  await scope.host.cgroup.kill(record.cgroupPath);
  return { exitCode: SIGKILL_EXIT, reason: "Error", message: "Its monitor (conmon) died", finishedMs };
}

async function readExit(scope: Scope, record: ContainerRecord): Promise<Ended | undefined> {
  const path = containerPaths(scope.layout, record.id).exit;
  let text: string;
  let finishedMs: number;
  try {
    text = readFileSync(path, "utf8");
    finishedMs = Math.trunc(statSync(path).mtimeMs);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
  const code = /^\d+$/.test(text.trim()) ? Number(text) : UNKNOWN_EXIT;
  return { exitCode: code, reason: await reasonOf(scope, record, code), message: "", finishedMs };
}

/** As containerd and CRI-O have it, a kill for memory counts whatever the first process made of it. */
async function reasonOf(scope: Scope, record: ContainerRecord, code: number): Promise<string> {
  if (await killedForMemory(scope, record)) return "OOMKilled";
  return code === 0 ? "Completed" : "Error";
}

/** systemd removes the cgroup with its last process, also while we read; the monitor has looked before. */
async function killedForMemory({ host, layout }: Scope, { id, cgroupPath }: ContainerRecord): Promise<boolean> {
  const stats = await host.cgroup.stats(cgroupPath);
  if (stats && stats.oomKills > 0) return true;
  if (stats && (await host.cgroup.exists(cgroupPath))) return false;
  return existsSync(join(containerPaths(layout, id).bundle, BUNDLE_FILES.oom));
}
