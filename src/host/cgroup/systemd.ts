/**
 * Cgroups that are units of systemd: it makes and removes them, and is told of their limits, for it writes what it knows
 * anew whenever it goes through its units. All else (reading, killing, what it has no word for) works on the tree below, as
 * with any cgroup; a path tells by itself whether it is a unit's. It is asked through `busctl` and `systemctl`, one short
 * process per call.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, MinkeError } from "../../base/errors.ts";
import type { CgroupResources, CgroupTree, Completed, ProcessHost } from "../host.ts";
import { scopeProperties, unitProperties, type UnitProperty } from "./unit-properties.ts";
import { type Unit, unitOf } from "./units.ts";

const MANAGER = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"] as const;
const BUSCTL = ["busctl", "--system", "--quiet", "call", ...MANAGER] as const;
/** Milliseconds until a call is taken to hang; stopping a slice waits for what is in it. */
const TIMEOUT_MS = 30_000;
/** The exit code of systemctl for a unit that is not loaded (systemctl(1), LSB). */
const NOT_LOADED_EXIT = 5;
/** As opencontainers/cgroups has it: accounting makes the files of a controller appear. */
const ACCOUNTING = ["CPUAccounting", "MemoryAccounting", "IOAccounting", "TasksAccounting"] as const;
/** Below a scope, beside what crun calls `container`. */
const MONITOR = "monitor";

export interface UnitsOptions {
  readonly process: Pick<ProcessHost, "run">;
  /** Where the tree is mounted. */
  readonly base: string;
}

/** `tree`, in which slices and scopes are systemd's. */
export function withUnits(tree: CgroupTree, { process, base }: UnitsOptions): CgroupTree {
  const run = async (...argv: readonly [string, ...string[]]): Promise<Completed> =>
    await process.run({ argv, timeoutMs: TIMEOUT_MS });

  const start = async ({ name }: Unit, resources: CgroupResources): Promise<void> => {
    const properties = unitProperties(resources);
    const made = await run(...startTransient(name, properties));
    // One that is about to go, or that an administrator has a file for.
    if (made.code !== 0 && properties.length > 0) succeed(await run(...setProperties(name, properties)), "start", name);
    // The call above only asks for it; this waits.
    succeed(await run("systemctl", "start", name), "start", name);
  };

  return {
    ...tree,
    create: async (path, resources) => {
      const unit = unitOf(path);
      if (!unit) return await tree.create(path, resources);
      if (await tree.exists(path)) await tell(unit, path, resources);
      else await start(unit, resources);
      await tree.create(path, resources);
    },
    update: async (path, resources) => {
      const unit = unitOf(path);
      if (unit) await tell(unit, path, resources);
      await tree.update(path, resources);
    },
    hold: async (path, monitor) => {
      const unit = unitOf(path);
      // Only a part that is delegated may have a neighbour.
      if (!unit || unit.path === path) return;
      const folder = join(base, unit.path, MONITOR);
      try {
        await mkdir(folder);
        await writeFile(join(folder, "cgroup.procs"), String(monitor));
      } catch (error) {
        // The scope, or the monitor, has ended with its container.
        if (!["ENOENT", "ENODEV", "ESRCH"].includes(errnoOf(error) ?? "")) throw error;
      }
    },
    // What is in a scope belongs to its container.
    children: async (path) => (unitOf(path)?.name.endsWith(".scope") ? [] : await tree.children(path)),
    remove: async (path) => {
      const unit = unitOf(path);
      if (!unit) return await tree.remove(path);
      // A scope ends with its last process, the monitor, and systemd is close behind.
      if (!(await tree.exists(unit.path))) return;
      const stopped = await run("systemctl", "stop", unit.name);
      if (stopped.code !== NOT_LOADED_EXIT) succeed(stopped, "stop", unit.name);
      await tree.remove(unit.path);
    },
  };

  async function tell(unit: Unit, path: string, resources: CgroupResources): Promise<void> {
    const properties = unit.path === path ? unitProperties(resources) : scopeProperties(resources);
    if (properties.length > 0) succeed(await run(...setProperties(unit.name, properties)), "change", unit.name);
  }
}

/** The call that makes a slice and asks for its start; its place follows from its name. */
export function startTransient(name: string, properties: readonly UnitProperty[]): readonly [string, ...string[]] {
  const accounting = ACCOUNTING.flatMap((property) => [property, "b", "true"]);
  const count = String(ACCOUNTING.length + properties.length);
  const argv = [...accounting, ...properties.flatMap(words), "0"];
  return [...BUSCTL, "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail", count, ...argv];
}

/** The call that changes a unit until its end (and not on disk). */
export function setProperties(name: string, properties: readonly UnitProperty[]): readonly [string, ...string[]] {
  const argv = properties.flatMap(words);
  return [...BUSCTL, "SetUnitProperties", "sba(sv)", name, "true", String(properties.length), ...argv];
}

function words(property: UnitProperty): readonly string[] {
  const { name, type, value } = property;
  return type === "t" ? [name, type, String(value)] : [name, type, String(value.length), ...value.map(String)];
}

function succeed(done: Completed, verb: string, name: string): void {
  if (done.code === 0) return;
  const why = done.stderr.trim().split("\n").join("; ") || `exit code ${done.code}`;
  throw new MinkeError("Internal", `Cannot ${verb} ${name}: ${why}; see systemctl status ${name}`, {
    details: { unit: name, exitCode: done.code, stderr: done.stderr },
  });
}
