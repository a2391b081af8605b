/** The host's device nodes: a privileged container gets all of them, another one those that it asks for. Reads /dev. */
import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, MinkeError } from "../base/errors.ts";
import type { SpecDevice, SpecDeviceRule } from "./runtime-spec.ts";

/** Not devices of the host but of a session, or made anew in every container (containerd: HostDevices). */
const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"]);
const TYPE_MASK = 0o170000;
const BLOCK = 0o060000;
const CHARACTER = 0o020000;
/** More than this many nodes below /dev are left out. */
const DEVICES_MAX = 4096;

/** All character and block devices below `root`, without symbolic links. Nodes that vanish meanwhile are left out. */
export async function hostDevices(root = "/dev", insideRoot = "/dev"): Promise<readonly SpecDevice[]> {
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
  await walk(root, insideRoot);
  return found;
}

export interface DeviceRequest {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of `r`, `w`, `m`; empty = all. */
  readonly permissions: string;
}

/**
 * Nodes and access rules of devices that a container asks for. A link is followed, a directory stands for every node in it
 * (containerd: WithDevices). Rejects what is no device with `InvalidArgument`.
 */
export async function requestedDevices(
  requests: readonly DeviceRequest[],
): Promise<{ readonly nodes: readonly SpecDevice[]; readonly rules: readonly SpecDeviceRule[] }> {
  const all = await Promise.all(
    requests.map(async (request) => (await nodesOf(request)).map((node) => ({ node, rule: ruleOf(node, request) }))),
  );
  return { nodes: all.flat().map(({ node }) => node), rules: all.flat().map(({ rule }) => rule) };
}

async function nodesOf(request: DeviceRequest): Promise<readonly SpecDevice[]> {
  const { hostPath, permissions } = request;
  const containerPath = request.containerPath === "" ? hostPath : request.containerPath;
  if (!/^[rwm]{0,3}$/.test(permissions)) throw refusal(request, `its permissions are "${permissions}", not of r, w, m`);
  try {
    const path = await realpath(hostPath);
    if ((await lstat(path)).isDirectory()) return await hostDevices(path, containerPath);
    const node = await specDevice(path, containerPath);
    if (node) return [node];
  } catch (cause) {
    throw refusal(request, errnoOf(cause) ?? String(cause), cause);
  }
  throw refusal(request, "it is not a device");
}

function ruleOf({ type, major, minor }: SpecDevice, { permissions }: DeviceRequest): SpecDeviceRule {
  return { allow: true, type, major, minor, access: permissions === "" ? "rwm" : permissions };
}

function refusal({ hostPath }: DeviceRequest, why: string, cause?: unknown): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot give device ${hostPath}: ${why}; name a device of this host`, {
    cause,
    reason: "CreateContainerError",
    details: { hostPath },
  });
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
