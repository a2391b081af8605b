/**
 * The volumes' contract. A volume belongs to a Pod, is prepared before its containers start, and is released when the Pod
 * is gone. `prepare` is idempotent: it is called again after a crash of the daemon and after a reboot.
 */
import type { Pod, Volume } from "../api/gen/types.ts";

export interface PreparedVolume {
  readonly name: string;
  /** Where its content is on the host. */
  readonly hostPath: string;
  /** True when the volume itself can not be written, whatever the mount says. */
  readonly readonly: boolean;
  /** When it should be refreshed because what it shows grows old, milliseconds since the epoch. */
  readonly renewAtMs?: number;
}

/** True for a volume whose content comes from objects, and changes with them. The kubelet's plugins call it RequiresRemount. */
export function showsFiles({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return (configMap ?? secret ?? downwardAPI ?? projected) !== undefined;
}

/** Whether a volume shows something of this ConfigMap or Secret. */
export function showsObject(volume: Volume, resource: "configmaps" | "secrets", name: string): boolean {
  const sources = [volume, ...(volume.projected?.sources ?? [])];
  if (resource === "configmaps") return sources.some(({ configMap }) => configMap?.name === name);
  return (
    volume.secret?.secretName === name || (volume.projected?.sources ?? []).some((each) => each.secret?.name === name)
  );
}

/** Whether a volume shows something of the Pod itself. */
export function showsPod({ downwardAPI, projected }: Volume): boolean {
  return downwardAPI !== undefined || (projected?.sources ?? []).some((source) => source.downwardAPI !== undefined);
}

/** When the first of them should be refreshed; `Infinity`: none. */
export function renewalOf(volumes: Iterable<PreparedVolume>): number {
  return Math.min(Infinity, ...[...volumes].map(({ renewAtMs = Infinity }) => renewAtMs));
}

export interface SubPathRequest {
  readonly podUid: string;
  readonly volume: PreparedVolume;
  readonly containerName: string;
  /** Index in the container's `volumeMounts`. */
  readonly index: number;
  readonly subPath: string;
}

/** A token of the Pod's service account, bound to the Pod: the present one while that is good for it. */
export type TokenSource = (request: {
  readonly pod: Pod;
  /** Empty: the API itself. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** The one that the volume shows now. */
  readonly present: string | undefined;
}) => Promise<{ readonly token: string; readonly renewAtMs: number }>;

export interface VolumeManager {
  /**
   * Makes all volumes of the Pod ready, and what they show up to date; or rejects with a MinkeError that names volume, field, value and remedy
   * (the engine shows it as event `FailedMount`).
   */
  prepare(pod: Pod): Promise<ReadonlyMap<string, PreparedVolume>>;
  /**
   * Brings up to date what the volumes that {@link showsFiles} show, while containers use them: a container sees the old
   * files or the new ones. Returns when time alone makes them old, milliseconds since the epoch; `Infinity`: never. Does all
   * it can, and rejects as `prepare` does with what failed first.
   */
  refresh(pod: Pod): Promise<number>;
  /** A host path for one `subPath` mount that can not be led out of the volume; reason `CreateContainerConfigError`. */
  subPath(request: SubPathRequest): Promise<string>;
  /** Removes what `prepare` made for this Pod. Never removes a hostPath's content. Idempotent. */
  release(podUid: string): Promise<void>;
  /** UIDs of Pods that have something prepared on disk, for cleaning after a crash. */
  prepared(): Promise<readonly string[]>;
  /** Which field of a volume this manager does not support, as a path below the volume; undefined when it supports it. */
  unsupported(volume: Volume): string | undefined;
}
