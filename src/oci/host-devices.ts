/** The host's device nodes, which a privileged container gets all of. Reads /dev. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "../base/errors.ts";
import type { SpecDevice } from "./runtime-spec.ts";

/** Not devices of the host but of a session, or made anew in every container (containerd: HostDevices). */
const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"]);
const TYPE_MASK = 0o170000;
const BLOCK = 0o060000;
const CHARACTER = 0o020000;
/** More than this many nodes below /dev are left out. */
const DEVICES_MAX = 4096;

/** All character and block devices below `root`, without symbolic links. Nodes that vanish meanwhile are left out. */
export async function hostDevices(root = "/dev"): Promise<readonly SpecDevice[]> {
  const found: SpecDevice[] = [];
  const walk = async (directory: string, inside: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      if (SKIPPED.has(entry.name) || found.length >= DEVICES_MAX) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await walk(path, join(inside, entry.name));
      else if (entry.isCharacterDevice() || entry.isBlockDevice()) {
        const device = await specDevice(path, join(inside, entry.name));
        if (device) found.push(device);
      }
    }
  };
  await walk(root, "/dev");
  return found;
}

async function specDevice(path: string, inside: string): Promise<SpecDevice | undefined> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  const kind = stat ? stat.mode & TYPE_MASK : 0;
  if (!stat || (kind !== BLOCK && kind !== CHARACTER)) return undefined;
  const type = kind === BLOCK ? "b" : "c";
  return { path: inside, type, ...deviceNumber(stat.rdev), fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
}

/** Splits a dev_t as glibc packs it. */
export function deviceNumber(rdev: number): { readonly major: number; readonly minor: number } {
  const device = BigInt(rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn)),
  };
}
