/** The mounts of a container: the defaults every one gets, with the Pod's own over them. Pure. */
import { posix } from "node:path";

import { unreachable } from "../base/assert.ts";
import type { SpecMount } from "./runtime-spec.ts";

export type Propagation = "private" | "hostToContainer" | "bidirectional";

/** A bind mount from the host. */
export interface BindMount {
  readonly source: string;
  /** Absolute path inside the container. */
  readonly destination: string;
  readonly readonly: boolean;
  readonly propagation: Propagation;
  /** What is mounted below it is read-only too; default: only itself. */
  readonly recursiveReadonly?: boolean;
}

export interface MountInput {
  readonly privileged: boolean;
  /** Directory on the host that is the Pod's /dev/shm; absent: one of the container's own. */
  readonly shmPath?: string;
  /** Whether it shares the host's IPC namespace, and so the host's /dev/shm. */
  readonly hostIpc: boolean;
  readonly mounts: readonly BindMount[];
}

/** Size of a /dev/shm of the container's own, in KiB (64 MiB). */
const SHM_KIB = 65536;

/**
 * All mounts in the order in which they have to be made: parents before children. A mount of the Pod replaces the default
 * on the same path, and one on /dev or /sys replaces all defaults below it (containerd: WithMounts of its CRI).
 */
export function specMounts(input: MountInput): readonly SpecMount[] {
  const own = input.mounts.map(bindMount);
  const replaced = new Set(own.map((mount) => mount.destination));
  const parents = ["/dev", "/sys"].filter((path) => replaced.has(path));
  const defaults = defaultMounts(input).filter(
    ({ destination }) => !replaced.has(destination) && !parents.some((path) => destination.startsWith(`${path}/`)),
  );
  return [...defaults, ...own.sort((a, b) => depth(a.destination) - depth(b.destination))];
}

/** How changes of the root's mounts must travel so that those of `mounts` can; undefined: not at all. */
export function rootfsPropagation(mounts: readonly BindMount[]): "rslave" | "rshared" | undefined {
  if (mounts.some((mount) => mount.propagation === "bidirectional")) return "rshared";
  if (mounts.some((mount) => mount.propagation === "hostToContainer")) return "rslave";
  return undefined;
}

function defaultMounts(input: MountInput): readonly SpecMount[] {
  const access = input.privileged ? "rw" : "ro";
  const plain = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/proc", type: "proc", source: "proc", options: plain },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    // The file system shows the queues of the IPC namespace it is mounted in, be it the Pod's or the host's.
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: plain },
    shm(input),
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...plain, access] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...plain, "relatime", access] },
  ];
}

function shm(input: MountInput): SpecMount {
  const source = input.hostIpc ? "/dev/shm" : input.shmPath;
  if (source !== undefined) {
    return { destination: "/dev/shm", type: "bind", source, options: ["rbind", "rprivate", "rw"] };
  }
  const options = ["nosuid", "noexec", "nodev", "mode=1777", `size=${SHM_KIB}k`];
  return { destination: "/dev/shm", type: "tmpfs", source: "shm", options };
}

function bindMount(mount: BindMount): SpecMount {
  return {
    destination: posix.resolve("/", mount.destination),
    type: "bind",
    source: mount.source,
    options: ["rbind", propagationOption(mount.propagation), mount.readonly ? "ro" : "rw", ...recursive(mount)],
  };
}

function recursive({ recursiveReadonly = false }: BindMount): readonly string[] {
  return recursiveReadonly ? ["rro"] : [];
}

function propagationOption(propagation: Propagation): string {
  switch (propagation) {
    case "private":
      return "rprivate";
    case "hostToContainer":
      return "rslave";
    case "bidirectional":
      return "rshared";
    default:
      return unreachable(propagation);
  }
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length;
}
