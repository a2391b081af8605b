/**
 * Checkpoints: small versioned JSON files, always whole. One that fits a page is written over its predecessor by one
 * write(2), which a kill can not cut within a page: it has happened or it has not. A larger one is written beside its place
 * and renamed, and so is the first: a kill between the making of a file and its writing would leave it empty. (That is as safe, but on ext4 a rename over an old file starts its way to the disk: a millisecond.) A page is
 * taken whole at the first write, so a full disk can not refuse a later one.
 * They are not synced: what they protect from is the daemon's death, and after a power loss no process is left that they
 * could tell of; a file that came out torn or empty is read as none.
 *
 * Written synchronously, because such a write costs 50 µs of page cache, and the way through the thread pool costs more.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

import { MinkeError, errnoOf } from "../../base/errors.ts";

/** Raised when an old file can no longer be read as it is. */
const VERSION = 1;

const PAGE_BYTES = 4096;

/** Writes `data` to `path`, whose directory is made when it is not there. */
export function writeCheckpoint(path: string, data: object): void {
  const text = JSON.stringify({ version: VERSION, data });
  try {
    write(path, text);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw writeError(path, error);
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    write(path, text);
  }
}

function write(path: string, text: string): void {
  const small = Buffer.byteLength(text) <= PAGE_BYTES;
  if (small && overwrite(path, text)) return;
  writeFileSync(`${path}.tmp`, small ? pageOf(text) : text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** The spaces behind the JSON hide a longer predecessor, and are no part of it. */
function pageOf(text: string): Buffer {
  const page = Buffer.alloc(PAGE_BYTES, " ");
  page.write(text);
  return page;
}

/** False when no file stands there, or a larger one. */
function overwrite(path: string, text: string): boolean {
  const file = openExisting(path);
  if (file === undefined) return false;
  try {
    if (fstatSync(file).size > PAGE_BYTES) return false;
    if (writeSync(file, pageOf(text), 0, PAGE_BYTES, 0) === PAGE_BYTES) return true;
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  } finally {
    closeSync(file);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export type ReadCheckpoint<T> =
  | { readonly kind: "read"; readonly data: T }
  | { readonly kind: "absent" }
  | { readonly kind: "corrupt"; readonly why: string };

/** Reads a checkpoint. A file that is cut off, empty or of another version is `corrupt`, never an error. */
export function readCheckpoint<T>(path: string): ReadCheckpoint<T> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return { kind: "absent" };
    return { kind: "corrupt", why: String(error) };
  }
  try {
    const file = JSON.parse(text) as { version?: number; data?: T } | null;
    if (file?.version !== VERSION) return { kind: "corrupt", why: `version ${file?.version}, and not ${VERSION}` };
    return file.data === undefined ? { kind: "corrupt", why: "it has no data" } : { kind: "read", data: file.data };
  } catch (error) {
    return { kind: "corrupt", why: String(error) };
  }
}

/** Removes a checkpoint and what a half-done write left. */
export function removeCheckpoint(path: string): void {
  rmSync(path, { force: true });
  rmSync(`${path}.tmp`, { force: true });
}

/** Names in a directory; none when it is not there. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw new MinkeError("Internal", `Cannot list ${directory}: ${String(error)}`, { cause: error });
  }
}

function writeError(path: string, cause: unknown): MinkeError {
  const full = errnoOf(cause) === "ENOSPC";
  const why = full ? "no space is left on the device; free some" : String(cause);
  return new MinkeError(full ? "ResourceExhausted" : "Internal", `Cannot write checkpoint ${path}: ${why}`, { cause });
}
