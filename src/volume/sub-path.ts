/**
 * A `subPath` inside a volume, bound to a place of our own so that a container can not trade it for a symlink that leads
 * out of the volume between our check and its mount. Kubernetes: pkg/volume/util/subpath/subpath_linux.go.
 *
 * The path is resolved, checked to be inside the volume, and then opened element by element without following links. The
 * open descriptor, not the name, is what gets bound.
 */
import { constants } from "node:fs";
import { mkdir, open, realpath, stat, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

import { MinkeError, errnoOf, messageOf } from "../base/errors.ts";
import type { MountHost } from "../host/host.ts";
import { isMounted } from "./tmpfs.ts";

/** O_PATH of Linux; Node does not name it. */
const O_PATH = 0o10000000;

/** Binds `subPath` of `volume` onto `target` and returns `target`. A missing directory is made with the volume's mode. */
export async function bindSubPath(mounts: MountHost, volume: string, subPath: string, target: string): Promise<string> {
  if (subPath.startsWith("/") || subPath.split("/").includes("..")) throw escapes(volume, subPath);
  const root = await realpath(volume);
  await using file = await openInside(root, await resolveInside(root, subPath));
  const source = `/proc/${process.pid}/fd/${file.fd}`;
  const isDirectory = (await stat(source)).isDirectory();
  if (await isMounted(mounts, target)) await mounts.unmount(target);
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, "", { flag: "a" });
  await mounts.mount({ type: "none", source, target, flags: ["bind"] });
  return target;
}

/** The path below `root`, links resolved, made when it is missing. */
async function resolveInside(root: string, subPath: string): Promise<string> {
  const path = join(root, subPath);
  try {
    return inside(root, await realpath(path), subPath);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  // The nearest part that exists must be inside already: mkdir must not follow a link that leads out.
  let existing = dirname(path);
  while ((await resolved(existing)) === undefined) existing = dirname(existing);
  inside(root, (await resolved(existing))!, subPath);
  const { mode } = await stat(root);
  await mkdir(path, { recursive: true, mode: mode & 0o777 });
  return inside(root, await realpath(path), subPath);
}

async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function inside(root: string, path: string, subPath: string): string {
  if (path !== root && !path.startsWith(root + sep)) throw escapes(root, subPath);
  return path;
}

async function openInside(root: string, path: string): Promise<FileHandle> {
  let file = await open(root, O_PATH | constants.O_DIRECTORY);
  try {
    for (const element of relative(root, path).split(sep).filter(Boolean)) {
      const next = await open(`/proc/self/fd/${file.fd}/${element}`, O_PATH | constants.O_NOFOLLOW);
      await file.close();
      file = next;
      // With O_PATH a link is opened itself instead of failing.
      if ((await file.stat()).isSymbolicLink()) throw escapes(root, path);
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function escapes(volume: string, subPath: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot use subPath "${subPath}": it leads out of the volume ${volume}`, {
    reason: "CreateContainerConfigError",
    details: { subPath },
  });
}

/** Wraps what went wrong so that it names the mount. */
export function subPathError(volume: string, subPath: string, cause: unknown): MinkeError {
  return new MinkeError(
    "FailedPrecondition",
    `failed to prepare subPath for volumeMount "${volume}": ${messageOf(cause)}`,
    { cause, reason: "CreateContainerConfigError", details: { volume, subPath } },
  );
}
