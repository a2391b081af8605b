/** Files that survive kill -9: written aside, synced, renamed. And the few other things that all folders do with files. */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { errnoOf, MinkeError } from "../base/errors.ts";

export interface WriteOptions {
  /** Permission bits; default 0600. Not subject to the umask. */
  readonly mode?: number;
  /** Whether the data must be on the disk when the promise resolves; default false, which a power cut can undo. */
  readonly durable?: boolean;
}

/** What a half-written file is called; {@link isTemporary} tells, so that a cleaner can remove what kill -9 left. */
const TEMPORARY = /^\..+\.[0-9a-f]{8}\.tmp$/;

/** Replaces `path` in one step: a reader sees the old content or the new one, never a part. The folder must exist. */
export async function atomicWrite(path: string, data: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(data);
      await file.chmod(options.mode ?? 0o600);
      if (options.durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    if (options.durable) await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new MinkeError("Internal", `Cannot write ${path}: ${errnoOf(error) ?? String(error)}`, { cause: error });
  }
}

/** Whether `name` is a file that {@link atomicWrite} had not finished. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** The text of a file; undefined when there is none. */
export async function readIfExists(path: string): Promise<string | undefined> {
  return await ifExists(async () => await readFile(path, "utf8"));
}

/** Whether something is at `path`, links followed. */
export async function exists(path: string): Promise<boolean> {
  return (await ifExists(async () => await stat(path))) !== undefined;
}

/** Removes a file; no error when there is none. */
export async function removeFile(path: string): Promise<void> {
  await ifExists(async () => await unlink(path));
}

/**
 * Removes a folder and all below it; no error when there is none. Links are removed, not followed. Whoever calls has
 * unmounted what was mounted below: a busy mount point rejects with `FailedPrecondition`.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const errno = errnoOf(error);
    throw new MinkeError(
      errno === "EBUSY" ? "FailedPrecondition" : "Internal",
      `Cannot remove ${path}: ${errno === "EBUSY" ? "something is still mounted in it" : (errno ?? String(error))}`,
      { cause: error },
    );
  }
}

/** Makes a folder and its parents, which only root may read unless `mode` says otherwise. */
export async function ensureFolder(path: string, mode = 0o700): Promise<void> {
  // Not mkdir's own `recursive`: where a file system refuses with ENOENT, as /proc does, Node tries for ever.
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (errno !== "ENOENT" || dirname(path) === path || (await exists(dirname(path)))) throw error;
    await ensureFolder(dirname(path), mode);
    await ensureFolder(path, mode);
  }
}

async function ifExists<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
