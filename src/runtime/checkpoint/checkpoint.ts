/**
 * Checkpoints: small versioned JSON files, always whole. They are written beside their place and renamed, so a kill at any
 * line leaves the old or the new one. They are not synced: what they protect from is the daemon's death, and after a power
 * loss no process is left that they could tell of; a file that came out empty is read as none.
 *
 * Written synchronously, because such a write costs 50 µs of page cache, and the way through the thread pool costs more.
 */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { MinkeError, errnoOf } from "../../base/errors.ts";

/** Raised when an old file can no longer be read as it is. */
const VERSION = 1;

/** Writes `data` to `path`, whose directory is made when it is not there. */
export function writeCheckpoint(path: string, data: object): void {
  const temporary = `${path}.tmp`;
  const text = JSON.stringify({ version: VERSION, data });
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw writeError(path, error);
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    writeFileSync(temporary, text, { mode: 0o600 });
  }
  renameSync(temporary, path);
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
