/**
 * Writes a volume's files so that a reader sees either all of the old or all of the new ones: files go to a fresh
 * directory, and the symlink `..data` is swapped by a rename. Kubernetes: pkg/volume/util/atomic_writer.go.
 *
 *     volume/..2026_11_23_12_00_00.a1b2c3/key    the content
 *     volume/..data -> ..2026_11_23_12_00_00.a1b2c3
 *     volume/key    -> ..data/key                what a container opens
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { errnoOf } from "../base/errors.ts";
import { applyFsGroup } from "./fs-group.ts";

const DATA = "..data";
const DATA_TMP = "..data_tmp";

export interface VolumeFile {
  /** Below the volume's root, without `..`. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** User id; absent: root. */
  readonly owner?: number;
}

export interface AtomicWriteOptions {
  /** Milliseconds since the epoch, for the directory's name. */
  readonly now: number;
  readonly fsGroup?: number | undefined;
}

/** Makes `target` (a directory that exists) hold exactly `files`. Does nothing when it does already. */
export async function writeAtomically(
  target: string,
  files: readonly VolumeFile[],
  options: AtomicWriteOptions,
): Promise<void> {
  const old = linkTarget(join(target, DATA));
  if (old !== undefined && (await isSame(join(target, old), files, options))) return publish(target, files);
  const fresh = writeFresh(target, files, options);
  if (options.fsGroup !== undefined) await applyFsGroup(fresh, options.fsGroup, { readonly: true });
  rmSync(join(target, DATA_TMP), { force: true });
  symlinkSync(fresh.slice(target.length + 1), join(target, DATA_TMP));
  renameSync(join(target, DATA_TMP), join(target, DATA));
  publish(target, files);
  removeOld(target, fresh);
}

/** Every Pod has a token to write: these calls take microseconds each, and ten times that by way of a thread. */
function writeFresh(target: string, files: readonly VolumeFile[], { now }: AtomicWriteOptions): string {
  const fresh = mkdtempSync(join(target, `..${stamp(now)}.`));
  chmodSync(fresh, 0o755);
  for (const { path, content, mode, owner } of files) {
    const file = join(fresh, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, content);
    chmodSync(file, mode);
    if (owner !== undefined) chownSync(file, owner, 0);
  }
  return fresh;
}

/** The links that users see: one per first element of a path; those of files that are gone are removed. */
function publish(target: string, files: readonly VolumeFile[]): void {
  const wanted = new Set(files.map((file) => file.path.split("/")[0]!));
  for (const name of readdirSync(target)) {
    if (!name.startsWith("..") && !wanted.has(name)) rmSync(join(target, name), { recursive: true, force: true });
  }
  for (const name of wanted) {
    if (linkTarget(join(target, name)) === undefined) symlinkSync(join(DATA, name), join(target, name));
  }
}

/** Content directories of earlier writes, and of writes that a crash cut short. */
function removeOld(target: string, current: string): void {
  for (const name of readdirSync(target)) {
    const path = join(target, name);
    if (name.startsWith("..") && name !== DATA && path !== current) rmSync(path, { recursive: true, force: true });
  }
}

async function isSame(
  directory: string,
  files: readonly VolumeFile[],
  { fsGroup }: AtomicWriteOptions,
): Promise<boolean> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    if (entries.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
    for (const file of files) {
      const path = join(directory, file.path);
      const info = await stat(path);
      const mode = fsGroup === undefined ? file.mode : file.mode | 0o440;
      if (info.uid !== (file.owner ?? 0)) return false;
      if ((info.mode & 0o777) !== mode || (fsGroup !== undefined && info.gid !== fsGroup)) return false;
      if (!(await readFile(path)).equals(file.content)) return false;
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EINVAL") return undefined;
    throw error;
  }
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "_");
}
