/**
 * The files of one container's log, oldest first: `0.log.20261123-120000.gz`, `0.log.20261123-130000`, `0.log`. A rotation
 * renames the current file and lets conmon open a new one; older ones are compressed, the oldest removed.
 */
import { open, readdir } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { errnoOf } from "../../base/errors.ts";

/** How often the files are looked up again when one was renamed under our hands. */
const OPEN_TRIES_MAX = 10;

export interface OpenLog {
  readonly handle: FileHandle;
  readonly inode: bigint;
  readonly gzip: boolean;
  /** Milliseconds since the epoch of the last write. */
  readonly modifiedMs: number;
}

/** Opens every file of the log, oldest first, the current one last; open files stay readable whatever is rotated. */
export async function openLogs(path: string): Promise<OpenLog[]> {
  for (let attempt = 1; ; attempt++) {
    const logs: OpenLog[] = [];
    try {
      // The current file comes first: if it is rotated meanwhile it shows up again under its new name, with its inode.
      const current = await openLog(path).catch((error: unknown) => {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw error;
      });
      for (const name of await rotatedNames(path)) logs.push(await openLog(join(dirname(path), name)));
      if (!current) return logs;
      const seen = logs.findIndex((log) => log.inode === current.inode);
      if (seen >= 0) await Promise.all(logs.splice(seen).map((log) => log.handle.close()));
      return [...logs, current];
    } catch (error) {
      await Promise.all(logs.map((log) => log.handle.close()));
      if (errnoOf(error) !== "ENOENT" || attempt === OPEN_TRIES_MAX) throw error;
    }
  }
}

/** Closes all. */
export async function closeLogs(logs: readonly OpenLog[]): Promise<void> {
  await Promise.all(logs.map((log) => log.handle.close().catch(() => {})));
}

async function openLog(path: string): Promise<OpenLog> {
  const handle = await open(path, "r");
  const { ino, mtimeMs } = await handle.stat({ bigint: true });
  return { handle, inode: ino, gzip: path.endsWith(".gz"), modifiedMs: Number(mtimeMs) };
}

/** Names of the rotated files, oldest first. While one is being compressed it is there twice: the plain one is whole. */
async function rotatedNames(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const rotated = names.filter(
    (name) => name.startsWith(prefix) && /^\d{8}-\d{6}(\.gz)?$/.test(name.slice(prefix.length)),
  );
  return rotated.filter((name) => !name.endsWith(".gz") || !rotated.includes(name.slice(0, -3))).toSorted();
}
