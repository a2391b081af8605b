/** Which cgroup hierarchies a host has, read from its mount table. */
import { type MountEntry, parseMountinfo } from "../mountinfo.ts";

/** One v1 hierarchy (or the v2 tree beside them in a hybrid layout). */
export interface Hierarchy {
  /** Where it is mounted. Paths below are the same in each hierarchy, also when only a part of it is mounted here. */
  readonly base: string;
  /** `cpu`, `memory` …, or `name=systemd`; empty for the v2 tree. */
  readonly controllers: readonly string[];
}

export type CgroupLayout =
  | { readonly version: 2; readonly base: string }
  | {
      readonly version: 1;
      readonly hierarchies: readonly Hierarchy[];
      /** The v2 tree of a hybrid layout; undefined in a pure v1 layout. */
      readonly unified?: string;
    };

const MOUNT_OPTIONS: ReadonlySet<string> = new Set([
  "rw",
  "ro",
  "xattr",
  "all",
  "none",
  "clone_children",
  "noprefix",
  "cpuset_v2_mode",
  "seclabel",
]);

/** Derives the layout from /proc/self/mountinfo; undefined when no cgroup file system is mounted. */
export function layoutOf(mountinfo: string): CgroupLayout | undefined {
  const entries = parseMountinfo(mountinfo);
  const seen = new Set<string>();
  const once = ({ device }: MountEntry): boolean => !seen.has(device) && Boolean(seen.add(device));
  const hierarchies = entries
    .filter(({ type }) => type === "cgroup")
    .filter(once)
    .map(({ target, superOptions }) => ({ base: target, controllers: controllersOf(superOptions) }));
  const unified = entries.find(({ type }) => type === "cgroup2")?.target;
  if (hierarchies.some(({ controllers }) => controllers.some((name) => !name.startsWith("name=")))) {
    return { version: 1, hierarchies, ...(unified === undefined ? {} : { unified }) };
  }
  return unified === undefined ? undefined : { version: 2, base: unified };
}

function controllersOf(superOptions: readonly string[]): string[] {
  return superOptions.filter((option) => !MOUNT_OPTIONS.has(option) && !option.startsWith("release_agent="));
}
