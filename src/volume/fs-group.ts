/**
 * Gives a volume to the Pod's group: every file gets the group and its permissions, directories also the setgid bit, so
 * that new files inherit the group. Kubernetes: pkg/volume/volume_linux.go.
 */
import { chmod, lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const DIRECTORY = 0o2110;

/** Applies `gid` to `root` and all below it; symlinks get the group, never their targets. */
export async function applyFsGroup(root: string, gid: number, options: { readonly readonly: boolean }): Promise<void> {
  const info = await lstat(root);
  await lchown(root, info.uid, gid);
  if (info.isSymbolicLink()) return;
  const bits = options.readonly ? READ_ONLY : READ_WRITE;
  await chmod(root, (info.mode & 0o7777) | bits | (info.isDirectory() ? DIRECTORY : 0));
  if (!info.isDirectory()) return;
  for (const name of await readdir(root)) await applyFsGroup(join(root, name), gid, options);
}
