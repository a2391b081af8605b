/**
 * How systemd calls cgroups: a slice stands for a node of the tree and a scope for a leaf with processes, and where a slice is
 * follows from its name, in which `-` parts the levels (systemd.slice(5), systemd.scope(5)). Pure.
 */
import { basename } from "node:path";

import { MinkeError } from "../../base/errors.ts";

/** The slice at the top, which is the hierarchy's root. */
const ROOT_SLICE = "-.slice";

/** A unit, and its cgroup relative to the hierarchy's root. */
export interface Unit {
  readonly name: string;
  readonly path: string;
}

/**
 * The slice that stands for a path such as `minke/kubepods/pod1`, by the kubelet's rule: a level per part, and `_` for a `-`
 * that is in one (pkg/kubelet/cm/cgroup_manager_linux.go: escapeSystemdCgroupName, ToSystemd).
 */
export function sliceOf(path: string): Unit {
  const parts = path.split("/").map((part) => part.replaceAll("-", "_"));
  return sliceNamed(`${parts.join("-")}.slice`);
}

/** The slice of a name, at its place: `a-b.slice` is in `a.slice/a-b.slice`. */
export function sliceNamed(name: string): Unit {
  if (name === ROOT_SLICE) return { name, path: "." };
  const parts = name.slice(0, -".slice".length).split("-");
  const path = parts.map((_, i) => `${parts.slice(0, i + 1).join("-")}.slice`).join("/");
  return { name, path };
}

/**
 * The slice that a kubelet means, which tells either the name or the whole path. Its place follows from the name. Rejects
 * with `InvalidArgument` what is no slice.
 */
export function requireSlice(parent: string): Unit {
  const name = basename(parent);
  if (/^[^-/].*\.slice$/.test(name) && !name.includes("--") && !name.endsWith("-.slice")) return sliceNamed(name);
  if (name === ROOT_SLICE || parent === "/") return sliceNamed(ROOT_SLICE);
  throw new MinkeError(
    "InvalidArgument",
    `Cannot use cgroup parent "${parent}": with the cgroup driver systemd it must be a slice, as kubepods-pod1.slice; set cgroupDriver: systemd in the kubelet's configuration, or start Minke with --cgroup-driver cgroupfs`,
    { details: { cgroupParent: parent } },
  );
}

/** The cgroup parent itself, unless it is a slice: with the driver cgroupfs two would write it (as CRI-O has it). */
export function refuseSlice(parent: string): string {
  if (!basename(parent).endsWith(".slice")) return parent;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot use cgroup parent "${parent}": it is a slice of systemd, and the cgroup driver is cgroupfs; start Minke with --cgroup-driver systemd, or set cgroupDriver: cgroupfs in the kubelet's configuration`,
    { details: { cgroupParent: parent } },
  );
}

/** The service that a process of this /proc/PID/cgroup belongs to; undefined for none. */
export function serviceOf(cgroup: string): string | undefined {
  return /^0::\/(?:[^/\n]+\/)*?([^/\n]+\.service)(?:\/|$)/m.exec(cgroup)?.[1];
}

/** The unit that a cgroup is, or in whose delegated part it is; undefined for one that was made by hand. */
export function unitOf(path: string): Unit | undefined {
  const parts = path.split("/");
  const last = parts.findIndex((part) => !part.endsWith(".slice"));
  if (last === -1) return { name: parts.at(-1)!, path };
  if (!parts[last]!.endsWith(".scope")) return undefined;
  return { name: parts[last]!, path: parts.slice(0, last + 1).join("/") };
}
