/** The space that writable layers take. */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "../../base/errors.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerFilter, LayerUsage } from "../runtime.ts";
import type { Scope } from "../scope.ts";
import { findContainers } from "./list.ts";

/** Milliseconds that all walks of a call may take together; containers that were not reached by then are left out. */
const WALK_MS_MAX = 5000;
/** stat(2) counts in blocks of this many bytes, whatever the file system's own are. */
const BLOCK_BYTES = 512;

/** Per container id, one after another, so that the walks leave the daemon time for others. */
export async function layerUsage(scope: Scope, filter?: ContainerFilter): Promise<ReadonlyMap<string, LayerUsage>> {
  const deadlineMs = scope.clock.monotonic() + WALK_MS_MAX;
  const usage = new Map<string, LayerUsage>();
  for (const { record } of await findContainers(scope, filter)) {
    const { upper } = containerPaths(scope.layout, record.id);
    const used = await walk(upper, () => scope.clock.monotonic() > deadlineMs);
    if (!used) break;
    usage.set(record.id, { path: upper, ...used });
  }
  return usage;
}

/** undefined when time is over. Files that vanish meanwhile do not count; one with several names counts once. */
async function walk(
  top: string,
  isOver: () => boolean,
): Promise<{ readonly usedBytes: number; readonly inodesUsed: number } | undefined> {
  const seen = new Set<number>();
  let blocks = 0;
  let inodesUsed = 0;
  const pending = [top];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (isOver()) return undefined;
    const info = await unlessGone(lstat(path));
    if (!info || (info.nlink > 1 && !info.isDirectory() && seen.has(info.ino))) continue;
    if (info.nlink > 1) seen.add(info.ino);
    blocks += info.blocks;
    inodesUsed++;
    if (!info.isDirectory()) continue;
    const directory = await unlessGone(opendir(path));
    if (directory) for await (const entry of directory) pending.push(join(path, entry.name));
  }
  return { usedBytes: blocks * BLOCK_BYTES, inodesUsed };
}

async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
