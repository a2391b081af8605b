/** All volume plugins behind the one contract. Everything it makes is below `<podsRoot>/<uid>/`. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import type { ConfigMap, Pod, Secret, Volume } from "../api/gen/types.ts";
import type { KubeObject } from "../api/object.ts";
import type { Clock } from "../base/clock.ts";
import { MinkeError, errnoOf, isMinkeError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Host } from "../host/host.ts";
import { writeAtomically } from "./atomic-writer.ts";
import type { VolumeFile } from "./atomic-writer.ts";
import { configMapFiles } from "./config-map.ts";
import { prepareEmptyDir } from "./empty-dir.ts";
import { applyFsGroup } from "./fs-group.ts";
import { prepareHostPath } from "./host-path.ts";
import { secretFiles } from "./secret.ts";
import { bindSubPath, subPathError } from "./sub-path.ts";
import { isMounted, mountTmpfs } from "./tmpfs.ts";
import type { PreparedVolume, VolumeManager } from "./volume.ts";

/** Reads a ConfigMap or Secret; undefined when there is none. */
export type ObjectReader = (
  resource: "configmaps" | "secrets",
  namespace: string,
  name: string,
) => KubeObject | undefined;

export interface VolumeManagerOptions {
  readonly host: Pick<Host, "mount">;
  /** Absolute; `<root>/pods`. */
  readonly podsRoot: string;
  readonly read: ObjectReader;
  readonly clock: Clock;
  readonly log: Logger;
}

const VOLUMES = "volumes";
const SUB_PATHS = "volume-subpaths";
const SUPPORTED = new Set(["name", "emptyDir", "hostPath", "configMap", "secret"]);

export function createVolumeManager(options: VolumeManagerOptions): VolumeManager {
  const { podsRoot, host, log } = options;
  return {
    async prepare(pod) {
      const volumes = pod.spec?.volumes ?? [];
      const prepared = await Promise.all(volumes.map((volume, index) => prepareOne(options, pod, volume, index)));
      return new Map(prepared.map((volume) => [volume.name, volume]));
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
      for (const folder of [SUB_PATHS, VOLUMES]) {
        const path = join(podsRoot, podUid, folder);
        for (const mount of await host.mount.list(path)) await host.mount.unmount(mount.target);
        // Never delete through a mount: what is behind it may not be ours.
        const left = await host.mount.list(path);
        if (left.length > 0) {
          throw new MinkeError(
            "Unavailable",
            `Cannot release the volumes of Pod ${podUid}: ${left[0]!.target} is still mounted`,
          );
        }
        await rm(path, { recursive: true, force: true });
      }
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
      return Object.entries(volume).find(([field, value]) => value !== undefined && !SUPPORTED.has(field))?.[0];
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
  const namespace = pod.metadata.namespace ?? "";
  const place = (plugin: string): string => join(options.podsRoot, pod.metadata.uid ?? "", VOLUMES, plugin, name);
  if (volume.hostPath) {
    await prepareHostPath(volume.hostPath, `${field}.hostPath`);
    return { name, hostPath: volume.hostPath.path, readonly: false };
  }
  if (volume.configMap) {
    const object = options.read("configmaps", namespace, volume.configMap.name ?? "") as ConfigMap | undefined;
    return await prepareFiles(options, pod, name, place("config-map"), configMapFiles(volume.configMap, object));
  }
  if (volume.secret) {
    const object = options.read("secrets", namespace, volume.secret.secretName ?? "") as Secret | undefined;
    const files = secretFiles(volume.secret, object);
    const target = place("secret");
    await mkdir(target, { recursive: true });
    if (!(await isMounted(options.host.mount, target))) await mountTmpfs(options.host.mount, target, undefined);
    return await prepareFiles(options, pod, name, target, files);
  }
  if (volume.emptyDir) {
    const target = place("empty-dir");
    await prepareEmptyDir(options.host.mount, target, volume.emptyDir, pod);
    return { name, hostPath: target, readonly: false };
  }
  throw new MinkeError(
    "Unimplemented",
    `Cannot prepare ${field}: this kind of volume is not supported; use emptyDir, hostPath, configMap or secret`,
  );
}

async function prepareFiles(
  { clock }: VolumeManagerOptions,
  pod: Pod,
  name: string,
  target: string,
  files: readonly VolumeFile[],
): Promise<PreparedVolume> {
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  await mkdir(target, { recursive: true });
  await writeAtomically(target, files, { now: clock.now(), fsGroup });
  if (fsGroup !== undefined) await applyFsGroup(target, fsGroup, { readonly: true });
  return { name, hostPath: target, readonly: true };
}
