/** Removing what is on the host under this instance's names and in no checkpoint. */
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { namesIn } from "./checkpoint/checkpoint.ts";
import { containerPaths, sandboxPaths } from "./layout.ts";
import { initCgroup, initId } from "./sandbox/init.ts";
import { unpinAll } from "./sandbox/dismantle.ts";
import type { OciHandler, Scope } from "./scope.ts";

/** Processes first, for they hold the rest; then crun's records, cgroups, mounts, namespaces, networks, files. */
export async function sweep(scope: Scope): Promise<void> {
  const { layout } = scope;
  for (const top of scope.host.cgroup.placesOf(scope.instance.cgroupRoot)) {
    await sweepCgroups(scope, top, cgroupsInUse(scope));
  }
  await Promise.all([...new Set(scope.handlers.values())].map(async (handler) => sweepStates(scope, handler)));
  await sweepMounts(scope);
  const unknown = (directory: string, table: ReadonlyMap<string, unknown>): readonly string[] =>
    namesIn(directory).filter((name) => !table.has(name));
  await Promise.all([
    ...unknown(layout.namespaces, scope.sandboxes).map((id) => unpinAll(scope, sandboxPaths(layout, id).namespaces)),
    scope.network.gc([...scope.sandboxes.values()].filter((s) => !s.record.stopped).map((s) => s.record.id)),
  ]);
  for (const id of unknown(layout.sandboxStates, scope.sandboxes)) remove(join(layout.sandboxStates, id));
  for (const id of unknown(layout.bundles, scope.containers)) remove(join(layout.bundles, id));
  for (const id of unknown(layout.exits, scope.containers)) remove(join(layout.exits, id));
  for (const name of namesIn(layout.probes)) remove(join(layout.probes, name));
  for (const id of unknown(layout.containerRoots, scope.containers)) {
    await rm(join(layout.containerRoots, id), { recursive: true, force: true });
  }
}

async function sweepStates(scope: Scope, { crun }: OciHandler): Promise<void> {
  const inits = new Set([...scope.sandboxes.keys()].map(initId));
  const strays = namesIn(crun.root).filter((id) => !scope.containers.has(id) && !inits.has(id));
  await Promise.all(strays.map((id) => crun.delete(id, { force: true })));
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Every cgroup path that a checkpoint names. */
function cgroupsInUse(scope: Scope): ReadonlySet<string> {
  const live = [...scope.sandboxes.values()].filter(({ record }) => !record.stopped);
  return new Set([
    ...live.map(({ record }) => record.cgroupPath),
    ...live.map(({ record }) => initCgroup(scope, record).path),
    ...[...scope.containers.values()].map(({ record }) => record.cgroupPath),
  ]);
}

/**
 * Walks down from `path`: what holds a cgroup in use is looked into, one in use without any below is left alone, and any
 * other goes with all that runs in it.
 */
async function sweepCgroups(scope: Scope, path: string, used: ReadonlySet<string>): Promise<void> {
  for (const child of await scope.host.cgroup.children(path)) {
    const ancestor = [...used].some((other) => other.startsWith(`${child}/`));
    if (ancestor) await sweepCgroups(scope, child, used);
    else if (!used.has(child)) {
      await scope.host.cgroup.kill(child);
      await scope.host.cgroup.remove(child);
    }
  }
}

/** What is mounted for containers and sandboxes that are unknown, or was tried out. */
async function sweepMounts(scope: Scope): Promise<void> {
  const { layout, host } = scope;
  const keep = new Set([
    ...[...scope.containers.keys()].map((id) => containerPaths(layout, id).bundle),
    ...[...scope.sandboxes.keys()].map((id) => sandboxPaths(layout, id).shm),
  ]);
  for (const prefix of [layout.bundles, layout.sandboxStates, layout.probes]) {
    for (const { target } of await host.mount.list(prefix)) {
      const inside = [...keep].some((path) => target === path || target.startsWith(`${path}/`));
      if (!inside && target !== prefix) await host.mount.unmount(target);
    }
  }
}
