/** Stopping a container: the stop signal, and after the grace period SIGKILL. */
import { messageOf } from "../../base/errors.ts";
import { handlerOf, type ContainerEntry, type Scope } from "../scope.ts";
import { finish, settle, SIGKILL_EXIT } from "./settle.ts";
import { parseSignal } from "./signal.ts";

/** How often, after SIGKILL, to look whether it has gone without its monitor telling. */
const LOOK_AGAIN_MS = 500;

/**
 * Resolves when its end is known. Idempotent; a call during a stop may shorten its grace period and never lengthens it.
 * One that was never started is killed at once.
 */
export async function stopContainer(scope: Scope, id: string, graceMs: number): Promise<void> {
  const entry = scope.containers.get(id);
  if (!entry) return;
  await settle(scope, entry);
  if (entry.record.ended) return;
  const { podUid, config, startedMs } = entry.record;
  using _span = scope.trace.span(podUid, "container.stop", config.metadata.name);
  const wait = startedMs === undefined ? 0 : Math.max(0, graceMs);
  const killAtMs = scope.clock.monotonic() + wait;
  const earlier = entry.stop;
  if (!earlier || killAtMs < earlier.killAtMs) {
    earlier?.timer[Symbol.dispose]();
    entry.stop = { killAtMs, timer: scope.clock.timer(wait, () => void kill(scope, entry)) };
    if (wait === 0) await kill(scope, entry);
    else if (!earlier) await sendSignal(scope, entry, entry.record.stopSignal);
  }
  await entry.exited.promise;
}

/** Sends a signal to the container's first process. No error when it is gone. */
export async function sendSignal(scope: Scope, entry: ContainerEntry, text: string): Promise<void> {
  const signal = parseSignal(text);
  const { process, id } = entry.record;
  if (!signal || !process) return;
  if (signal.name) scope.host.process.kill(process.pid, signal.name, process.startTime);
  else await handlerOf(scope, entry.record).crun.kill(id, String(signal.number));
}

/** Kills, and looks again until the end is known: the monitor may be gone. */
async function kill(scope: Scope, entry: ContainerEntry): Promise<void> {
  if (!entry.stop || entry.record.ended || entry.removed) return;
  entry.stop.timer[Symbol.dispose]();
  entry.stop.timer = scope.clock.timer(LOOK_AGAIN_MS, () => void kill(scope, entry));
  try {
    if (!entry.record.process) await scope.locks.run(entry.record.id, async () => endUnstarted(scope, entry));
    const { process, ended, config, cgroupPath } = entry.record;
    if (!process || ended) return;
    scope.host.process.kill(process.pid, "SIGKILL", process.startTime);
    if (config.pidMode !== "container") await scope.host.cgroup.kill(cgroupPath);
    await settle(scope, entry);
  } catch (error) {
    scope.log.error({ container: entry.record.id, why: messageOf(error) }, "Cannot kill a container; trying again");
  }
}

/** One that has no process yet will get none: it ends as if it had been killed. */
async function endUnstarted(scope: Scope, entry: ContainerEntry): Promise<void> {
  if (entry.record.process || entry.record.ended) return;
  const finishedMs = scope.clock.now();
  await finish(scope, entry, { exitCode: SIGKILL_EXIT, reason: "Error", message: "", finishedMs });
}
