/** What can be changed of a running container: its limits and its log file. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

import { sleep } from "../../base/clock.ts";
import { specResources } from "../../oci/resources.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import type { ContainerResources } from "../runtime.ts";
import { requireSandbox } from "../sandbox/update.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { requireContainer, requireRunning } from "./list.ts";
import { sendSignal } from "./stop.ts";
import { parseSignal } from "./signal.ts";
import { MinkeError } from "../../base/errors.ts";

/** How long a monitor may take to make a new log file, and how often to look, in milliseconds. */
const REOPEN_MS_MAX = 2000;
const REOPEN_LOOK_MS = 5;

/** Applies new limits at once, or writes them down for the start, and remembers them. The oom_score_adj of a process that runs stays. */
export async function updateContainerResources(scope: Scope, id: string, resources: ContainerResources): Promise<void> {
  const entry = requireContainer(scope, id, "change the limits");
  await scope.locks.run(id, async () => {
    const { record } = entry;
    if (entry.removed) return;
    const config = { ...record.config, resources };
    if (!record.ended) {
      if (record.process) await scope.host.cgroup.update(record.cgroupPath, resources);
      else await limitAtStart(scope, record, resources);
    }
    entry.record = { ...record, config };
    writeCheckpoint(containerPaths(scope.layout, id).checkpoint, entry.record);
  });
}

/** Into the specification that the start reads: it has no cgroup before. What devices it may use is no limit, and stays. */
async function limitAtStart(scope: Scope, record: ContainerRecord, resources: ContainerResources): Promise<void> {
  const path = containerPaths(scope.layout, record.id).config;
  const spec = JSON.parse(readFileSync(path, "utf8")) as RuntimeSpec;
  const sandbox = requireSandbox(scope, record.sandboxId, "change the limits").record;
  const { cgroup: abilities } = await scope.privileges(sandbox.cgroupPath);
  const cgroupVersion = scope.host.cgroup.version;
  const limits = specResources({ privileged: false, resources, abilities, cgroupVersion, devices: [] });
  const { devices } = spec.linux.resources;
  const linux = { ...spec.linux, resources: { ...limits, devices } };
  const annotations = handlerOf(scope, record).crun.cgroupAnnotations(resources);
  writeFileSync(path, JSON.stringify({ ...spec, linux, annotations }), { mode: 0o600 });
}

/** After its log file was renamed: the monitor opens a new one under the old name. */
export async function reopenLog(scope: Scope, id: string): Promise<void> {
  const entry = await requireRunning(scope, id, "reopen the log");
  const { record } = entry;
  if (record.logPath === "") return;
  handlerOf(scope, record).conmon.reopenLog(containerPaths(scope.layout, id).bundle);
  await appeared(scope, record.logPath);
}

/** The monitor does not answer; that it has heard is seen by its new file. */
async function appeared(scope: Scope, path: string): Promise<void> {
  const endMs = scope.clock.monotonic() + REOPEN_MS_MAX;
  while (!existsSync(path)) {
    if (scope.clock.monotonic() > endMs) {
      throw new MinkeError("Unavailable", `Cannot reopen log ${path}: its monitor did not make the file; try again`);
    }
    await sleep(scope.clock, REOPEN_LOOK_MS);
  }
}

/** Sends a signal by name or number to the first process of a running container. */
export async function signalContainer(scope: Scope, id: string, signal: string): Promise<void> {
  if (!parseSignal(signal)) {
    throw new MinkeError("InvalidArgument", `Cannot send signal "${signal}": it is not known; use a name or a number`);
  }
  await sendSignal(scope, await requireRunning(scope, id, "send a signal"), signal);
}
