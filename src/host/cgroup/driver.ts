/** The two cgroup drivers, in Kubernetes' words: who makes the cgroups of Pods, and what they are called by that. */
import { posix } from "node:path";

import type { CgroupHost } from "../host.ts";
import { refuseSlice, requireSlice, sliceOf } from "./units.ts";

export const CGROUP_DRIVERS = ["cgroupfs", "systemd"] as const;
export type CgroupDriver = (typeof CGROUP_DRIVERS)[number];

/** Where a driver has which cgroup. */
export type CgroupPlaces = Pick<CgroupHost, "driver" | "placeOf" | "placeOfCallers">;

/** Directories, named as they are asked for. */
const CGROUPFS: CgroupPlaces = {
  driver: "cgroupfs",
  placeOf: (path) => path,
  placeOfCallers: (parent) => posix.normalize(refuseSlice(parent)).replaceAll(/^\/+|\/+$/g, "") || ".",
};

/** Slices of systemd. */
const SYSTEMD: CgroupPlaces = {
  driver: "systemd",
  placeOf: (path) => sliceOf(path).path,
  placeOfCallers: (parent) => requireSlice(parent).path,
};

export const CGROUP_PLACES: Readonly<Record<CgroupDriver, CgroupPlaces>> = { cgroupfs: CGROUPFS, systemd: SYSTEMD };
