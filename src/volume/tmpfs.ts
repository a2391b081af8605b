/** Memory-backed directories. */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";

import { isMinkeError } from "../base/errors.ts";
import type { MountHost } from "../host/host.ts";

/** Mounts a tmpfs that is never swapped out where the kernel can promise that (6.4 and later). */
export async function mountTmpfs(mounts: MountHost, target: string, sizeBytes: number | undefined): Promise<void> {
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  const mount = (data: readonly string[]): Promise<void> =>
    mounts.mount({ type: "tmpfs", source: "tmpfs", target, data: data.join(",") });
  try {
    await mount([...size, "mode=0777", "noswap"]);
  } catch (error) {
    if (!isMinkeError(error)) throw error;
    await mount([...size, "mode=0777"]);
  }
}

/**
 * Whether a file system of its own is mounted on this directory, which exists. Two calls, where the list of the machine's
 * mounts grows with its Pods; blind for what is bound from the same file system.
 */
export async function isMountPoint(target: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(target), stat(dirname(target))]);
  return own.dev !== parent.dev;
}

/** Whether anything is mounted on exactly this path. */
export async function isMounted(mounts: MountHost, target: string): Promise<boolean> {
  return (await mounts.list(target)).some((mount) => mount.target === target);
}
