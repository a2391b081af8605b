/**
 * Containers that were stopped to be replaced, because their definition changed: they start again whatever the restart
 * policy says. Noted on disk before the stop, so that a daemon that dies between stop and start does not take them for
 * finished. A note counts only while the container that it names is the newest of its name.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { PodMemory } from "./memory.ts";
import { newestContainer } from "./observe.ts";
import type { Observation } from "./observe.ts";

/** In the directory of the container's other files, which goes with the Pod. */
const NOTE = "replaced";

function notePath(podsRoot: string, podUid: string, name: string): string {
  return join(podsRoot, podUid, "containers", name, NOTE);
}

/** Notes that the container `id` of `name` is going to be stopped for its successor. */
export function noteReplacing(podsRoot: string, memory: PodMemory, name: string, id: string): void {
  const path = notePath(podsRoot, memory.uid, name);
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  // A note cut short by a crash names no container: nothing has been stopped then.
  writeFileSync(path, id);
  memory.replacing.set(name, id);
}

/** The successor of `name` runs, or has been tried. */
export function forgetReplacing(podsRoot: string, memory: PodMemory, name: string): void {
  if (!memory.replacing.delete(name)) return;
  rmSync(notePath(podsRoot, memory.uid, name), { force: true });
}

/** The notes of an earlier life. */
export function readReplacing(podsRoot: string, podUid: string): Map<string, string> {
  const notes = new Map<string, string>();
  try {
    for (const name of readdirSync(join(podsRoot, podUid, "containers"))) {
      const id = readNote(notePath(podsRoot, podUid, name));
      if (id !== undefined) notes.set(name, id);
    }
  } catch {
    // Nothing has ever been started for this Pod.
  }
  return notes;
}

function readNote(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Names of the containers whose newest has been stopped to be replaced. */
export function replacedNames(memory: PodMemory, observed: Observation): ReadonlySet<string> {
  if (memory.replacing.size === 0) return NONE;
  return new Set([...memory.replacing].filter(([name, id]) => newestContainer(observed, name)?.id === id).map(first));
}

const NONE: ReadonlySet<string> = new Set();

function first([name]: readonly [string, string]): string {
  return name;
}
