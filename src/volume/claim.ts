/**
 * `persistentVolumeClaim`: the volume that the claim is bound to, a directory of this machine. Kubernetes:
 * pkg/kubelet/volumemanager/populator, pkg/volume/{local,hostpath}.
 */
import { stat } from "node:fs/promises";

import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimVolumeSource,
  Pod,
} from "../api/gen/types.ts";
import { MinkeError, errnoOf } from "../base/errors.ts";
import type { ObjectReader } from "./create-volume-manager.ts";
import { applyFsGroup } from "./fs-group.ts";
import { prepareHostPath } from "./host-path.ts";
import type { PreparedVolume } from "./volume.ts";

export async function prepareClaim(
  read: ObjectReader,
  pod: Pod,
  source: Pick<PersistentVolumeClaimVolumeSource, "claimName" | "readOnly">,
  { name, field }: { readonly name: string; readonly field: string },
): Promise<PreparedVolume> {
  const volume = boundVolume(read, pod, source.claimName);
  const { hostPath, local } = volume.spec ?? {};
  const readonly = source.readOnly ?? false;
  if (hostPath) {
    await prepareHostPath(hostPath, `${field}: spec.hostPath of volume ${volume.metadata.name}`);
    return { name, hostPath: hostPath.path, readonly };
  }
  if (!local) {
    const kinds = "hostPath and local";
    const why = `volume ${volume.metadata.name} is of a kind that this node can not mount; ${kinds} are supported`;
    throw new MinkeError("Unimplemented", `Cannot use claim ${source.claimName}: ${why}`);
  }
  await requireDirectory(local.path);
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  // As the local plugin does it; a hostPath's owner is its own.
  if (fsGroup !== undefined && !readonly) await applyFsGroup(local.path, fsGroup, { readonly: false });
  return { name, hostPath: local.path, readonly };
}

function boundVolume(read: ObjectReader, pod: Pod, claimName: string): PersistentVolume {
  const namespace = pod.metadata.namespace ?? "";
  const claim = read("persistentvolumeclaims", namespace, claimName) as PersistentVolumeClaim | undefined;
  if (!claim) throw new MinkeError("NotFound", `persistentvolumeclaim "${claimName}" not found`);
  const name = claim.spec?.volumeName ?? "";
  const volume = read("persistentvolumes", "", name) as PersistentVolume | undefined;
  if (!volume || claim.status?.phase !== "Bound" || volume.spec?.claimRef?.uid !== claim.metadata.uid) {
    throw new MinkeError("FailedPrecondition", `PVC ${namespace}/${claimName} is not bound to a volume`);
  }
  if ((claim.spec?.volumeMode ?? "Filesystem") !== "Filesystem") {
    const message = `Cannot mount claim ${claimName}: its volumeMode is Block, which this node does not support`;
    throw new MinkeError("Unimplemented", message);
  }
  return volume;
}

/** A local volume is made by its owner: a directory that is missing is a disk that is not there. */
async function requireDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  throw new MinkeError("FailedPrecondition", `path "${path}" does not exist, or is no directory`);
}
