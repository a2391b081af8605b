/** All volume plugins behind the one contract. Everything it makes is below `<podsRoot>/<uid>/`. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Pod, Volume } from "../api/gen/types.ts";
import { claimNameOf } from "../api/pod-claims.ts";
import type { KubeObject } from "../api/object.ts";
import type { Clock } from "../base/clock.ts";
import { MinkeError, errnoOf, isMinkeError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { readIfExists } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { prepareClaim } from "./claim.ts";
import { prepareEmptyDir } from "./empty-dir.ts";
import { filesOf, type FileSources } from "./files-of.ts";
import { applyFsGroup } from "./fs-group.ts";
import { prepareHostPath } from "./host-path.ts";
import { bindSubPath, subPathError } from "./sub-path.ts";
import { isMountPoint, mountTmpfs } from "./tmpfs.ts";
import { type PreparedVolume, renewalOf, showsFiles, type VolumeManager } from "./volume.ts";

/** Reads an object that a volume shows or is; undefined when there is none. */
export type ObjectReader = (
  resource: "configmaps" | "secrets" | "persistentvolumeclaims" | "persistentvolumes",
  namespace: string,
  name: string,
) => KubeObject | undefined;

export interface VolumeManagerOptions extends FileSources {
  readonly host: Pick<Host, "mount">;
  /** Absolute; `<root>/pods`. */
  readonly podsRoot: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const VOLUMES = "volumes";
const SUB_PATHS = "volume-subpaths";
/** Kinds of volumes. */
const SUPPORTED = [
  "emptyDir",
  "hostPath",
  "configMap",
  "secret",
  "downwardAPI",
  "projected",
  "persistentVolumeClaim",
  "ephemeral",
];

export function createVolumeManager(options: VolumeManagerOptions): VolumeManager {
  const { podsRoot, host, log } = options;
  return {
    async prepare(pod) {
      const volumes = pod.spec?.volumes ?? [];
      const prepared = await Promise.all(volumes.map((volume, index) => prepareOne(options, pod, volume, index)));
      return new Map(prepared.map((volume) => [volume.name, volume]));
    },

    async refresh(pod) {
      const volumes = [...(pod.spec?.volumes ?? []).entries()].filter(([, volume]) => showsFiles(volume));
      const refreshed = await Promise.allSettled(
        volumes.map(([index, volume]) => prepareOne(options, pod, volume, index)),
      );
      const failed = refreshed.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
      return renewalOf(refreshed.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])));
    },

    async subPath(request) {
      const { podUid, volume, containerName, index, subPath } = request;
      const target = join(podsRoot, podUid, SUB_PATHS, volume.name, containerName, String(index));
      try {
        return await bindSubPath(host.mount, volume.hostPath, subPath, target);
      } catch (error) {
        throw subPathError(volume.name, subPath, error);
      }
    },

    async release(podUid) {
      const folders = [SUB_PATHS, VOLUMES].map((folder) => join(podsRoot, podUid, folder));
      const mounted = async (): Promise<readonly string[]> =>
        (await host.mount.list(join(podsRoot, podUid)))
          .map(({ target }) => target)
          .filter((target) => folders.some((path) => target.startsWith(`${path}/`)));
      const mounts = await mounted();
      for (const target of mounts) await host.mount.unmount(target);
      // Never delete through a mount: what is behind it may not be ours.
      const [left] = mounts.length > 0 ? await mounted() : [];
      if (left !== undefined) {
        throw new MinkeError("Unavailable", `Cannot release the volumes of Pod ${podUid}: ${left} is still mounted`);
      }
      for (const path of folders) await rm(path, { recursive: true, force: true });
      log.debug({ podUid }, "Volumes released");
    },

    async prepared() {
      try {
        return await readdir(podsRoot);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return [];
        throw error;
      }
    },

    unsupported(volume) {
      const kinds = Object.entries(volume).filter(([field, value]) => field !== "name" && value !== undefined);
      return kinds.find(([kind]) => !SUPPORTED.includes(kind))?.[0];
    },
  };
}

async function prepareOne(
  options: VolumeManagerOptions,
  pod: Pod,
  volume: Volume,
  index: number,
): Promise<PreparedVolume> {
  const field = `spec.volumes[${index}]`;
  try {
    return await prepareByKind(options, pod, volume, field);
  } catch (error) {
    throw new MinkeError(
      isMinkeError(error) ? error.code : "Unavailable",
      `MountVolume.SetUp failed for volume "${volume.name}" : ${messageOf(error)}`,
      { cause: error, reason: "FailedMount", details: { field, volume: volume.name } },
    );
  }
}

async function prepareByKind(
  options: VolumeManagerOptions,
  pod: Pod,
  volume: Volume,
  field: string,
): Promise<PreparedVolume> {
  const { name } = volume;
  const place = (plugin: string): string => join(options.podsRoot, pod.metadata.uid ?? "", VOLUMES, plugin, name);
  if (volume.hostPath) {
    await prepareHostPath(volume.hostPath, `${field}.hostPath`);
    return { name, hostPath: volume.hostPath.path, readonly: false };
  }
  if (showsFiles(volume)) return await prepareFiles(options, pod, volume, place(pluginOf(volume)));
  const claimName = claimNameOf(pod, volume);
  if (claimName !== undefined) {
    const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
    return await prepareClaim(options.read, pod, { claimName, readOnly }, { name, field });
  }
  if (volume.emptyDir) {
    const target = place("empty-dir");
    await prepareEmptyDir(options.host.mount, target, volume.emptyDir, pod);
    return { name, hostPath: target, readonly: false };
  }
  throw new MinkeError(
    "Unimplemented",
    `Cannot prepare ${field}: this kind of volume is not supported; use ${SUPPORTED.join(", ")}`,
  );
}

/** The folder's name for volumes of files. */
function pluginOf({ configMap, secret, downwardAPI }: Volume): string {
  return configMap ? "config-map" : secret ? "secret" : downwardAPI ? "downward-api" : "projected";
}

async function prepareFiles(
  options: VolumeManagerOptions,
  pod: Pod,
  volume: Volume,
  target: string,
): Promise<PreparedVolume> {
  const { clock, host } = options;
  const isNew = (await mkdir(target, { recursive: true })) !== undefined;
  const present = async (path: string): Promise<string | undefined> =>
    isNew ? undefined : await readIfExists(join(target, path));
  const { files, medium, renewAtMs } = await filesOf(options, pod, volume, present);
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  const isMounted = medium === "disk" || (!isNew && (await isMountPoint(target)));
  if (!isMounted) await mountTmpfs(host.mount, target, undefined);
  await writeAtomically(target, files, { now: clock.now(), fsGroup });
  if (fsGroup !== undefined) await applyFsGroup(target, fsGroup, { readonly: true });
  const { name } = volume;
  return { name, hostPath: target, readonly: true, ...(renewAtMs === undefined ? {} : { renewAtMs }) };
}
