/**
 * Paths inside a container's root file system, resolved as if that root were `/`: a symbolic link in an image can not lead
 * to a file of the host. Only for a root that nothing else changes meanwhile (its container does not run yet).
 */
import { constants } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, MinkeError } from "../base/errors.ts";

/** As many links as the kernel follows in one path. */
const LINKS_MAX = 40;

/** The host path of `path` inside `root`, all links resolved; undefined when a part of it does not exist. */
export async function resolveInRoot(root: string, path: string): Promise<string | undefined> {
  const pending = path.split("/").toReversed();
  const resolved: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      resolved.pop();
      continue;
    }
    const candidate = join(root, ...resolved, part);
    const stat = await lstat(candidate).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
      throw error;
    });
    if (!stat) return undefined;
    if (!stat.isSymbolicLink()) {
      resolved.push(part);
      continue;
    }
    if (++links > LINKS_MAX) {
      throw new MinkeError(
        "InvalidArgument",
        `Cannot resolve "${path}" inside the image: it goes through more than ${LINKS_MAX} symbolic links; repair the image`,
        { reason: "CreateContainerConfigError", details: { path } },
      );
    }
    const target = await readlink(candidate);
    if (target.startsWith("/")) resolved.length = 0;
    pending.push(...target.split("/").toReversed());
  }
  return join(root, ...resolved);
}

/**
 * The text of a regular file inside `root`; undefined when there is none. Rejects one of more than `maxBytes`, and one that
 * is not a regular file (a FIFO would block), with `InvalidArgument`.
 */
export async function readInRoot(root: string, path: string, maxBytes: number): Promise<string | undefined> {
  const resolved = await resolveInRoot(root, path);
  if (resolved === undefined) return undefined;
  await using file = await open(resolved, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stat = await file.stat();
  const why = !stat.isFile()
    ? "it is not a regular file"
    : stat.size > maxBytes
      ? `it has ${stat.size} bytes, more than the ${maxBytes} that are read`
      : undefined;
  if (why !== undefined) {
    throw new MinkeError("InvalidArgument", `Cannot read "${path}" inside the image: ${why}; repair the image`, {
      reason: "CreateContainerConfigError",
      details: { path },
    });
  }
  return file.readFile("utf8");
}
