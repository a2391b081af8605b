/** Walking and removing parts of one hierarchy. */
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { type Clock, sleep } from "../../base/clock.ts";
import { errnoOf, MinkeError } from "../../base/errors.ts";
import { readControl } from "./control-file.ts";

/** A killed process leaves its cgroup only when the kernel is done with it: attempts, and milliseconds between them. */
const REMOVE_ATTEMPTS_MAX = 100;
const REMOVE_PAUSE_MS = 10;

/** Names of the direct children; empty when the cgroup is not there. */
export async function childNames(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** The folder and all cgroups below it, parents first. */
export async function subtree(folder: string): Promise<string[]> {
  const below = await Promise.all((await childNames(folder)).map(async (name) => await subtree(join(folder, name))));
  return [folder, ...below.flat()];
}

/** Pids at or below `folder`, each once. */
export async function pidsBelow(folder: string): Promise<number[]> {
  const texts = await Promise.all((await subtree(folder)).map(async (path) => await readControl(path, "cgroup.procs")));
  const pids = texts.flatMap((text) => (text ?? "").split("\n").filter((line) => line !== ""));
  return [...new Set(pids.map(Number))];
}

/**
 * Makes a cgroup and its parents; `made` is told of each folder that is new, parents first. The parents are nearly always
 * there, so the deepest is tried first.
 */
export async function makeBelow(base: string, path: string, made: (folder: string) => Promise<void>): Promise<void> {
  const folder = join(base, path);
  try {
    await mkdir(folder);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") return;
    if (errno !== "ENOENT" || path === "." || path === "/") {
      throw new MinkeError("Internal", `Cannot create cgroup ${folder}: ${errno}`, { cause: error });
    }
    await makeBelow(base, dirname(path), made);
    return await makeBelow(base, path, made);
  }
  await made(folder);
}

/** Removes a cgroup and all below it, deepest first. Waits, bounded, for the last killed process to be gone. */
export async function removeBelow(folder: string, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const busy = await removeOnce(folder);
    if (busy === undefined) return;
    if (attempt >= REMOVE_ATTEMPTS_MAX) {
      const pids = await pidsBelow(folder);
      throw new MinkeError(
        "FailedPrecondition",
        `Cannot remove cgroup ${folder}: ${pids.length > 0 ? `processes ${pids.slice(0, 10).join(", ")} are still in it` : "it stays busy"}`,
        { cause: busy, details: { folder, pids } },
      );
    }
    await sleep(clock, REMOVE_PAUSE_MS);
  }
}

/** One pass; the EBUSY error when something is still in use. */
async function removeOnce(folder: string): Promise<unknown> {
  try {
    await rmdir(folder); // nearly all cgroups have no children
    return undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    if (errnoOf(error) !== "EBUSY" && errnoOf(error) !== "ENOTEMPTY") throw error;
  }
  let busy: unknown;
  for (const path of (await subtree(folder)).toReversed()) {
    try {
      await rmdir(path);
    } catch (error) {
      if (isGone(error)) continue;
      if (errnoOf(error) !== "EBUSY" && errnoOf(error) !== "ENOTEMPTY") throw error;
      busy = error;
    }
  }
  return busy;
}

function isGone(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ENODEV"].includes(errnoOf(error) ?? "");
}
