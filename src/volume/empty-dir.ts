/** `emptyDir`: a directory that lives as long as the Pod, on disk or in memory. Kubernetes: pkg/volume/emptydir. */
import { chmod, mkdir } from "node:fs/promises";

import type { EmptyDirVolumeSource, Pod } from "../api/gen/types.ts";
import { wholeValue } from "../api/quantity.ts";
import type { MountHost } from "../host/host.ts";
import { applyFsGroup } from "./fs-group.ts";
import { isMountPoint, mountTmpfs } from "./tmpfs.ts";

export async function prepareEmptyDir(
  mounts: MountHost,
  target: string,
  source: EmptyDirVolumeSource,
  pod: Pod,
): Promise<void> {
  await mkdir(target, { recursive: true });
  if (source.medium === "Memory" && !(await isMountPoint(target))) {
    await mountTmpfs(mounts, target, sizeOf(source, pod));
  }
  // Not the mode of mkdir: the umask would cut it.
  await chmod(target, 0o777);
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  if (fsGroup !== undefined) await applyFsGroup(target, fsGroup, { readonly: false });
}

/** The smaller of `sizeLimit` and the Pod's memory limit; undefined = the kernel's default, half of the memory. */
function sizeOf(source: EmptyDirVolumeSource, pod: Pod): number | undefined {
  const limits = (pod.spec?.containers ?? []).map((container) => container.resources?.limits?.["memory"]);
  const memory = limits.every((limit) => limit !== undefined)
    ? limits.reduce<number>((sum, limit) => sum + wholeValue(limit), 0)
    : 0;
  const own = source.sizeLimit === undefined ? 0 : wholeValue(source.sizeLimit);
  const sizes = [memory, own].filter((size) => size > 0);
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}
