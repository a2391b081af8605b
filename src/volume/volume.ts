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
  /** When it should be prepared again because what it shows grows old, milliseconds since the epoch. */
  readonly renewAtMs?: number;
}

export interface SubPathRequest {
  readonly podUid: string;
  readonly volume: PreparedVolume;
  readonly containerName: string;
  /** Index in the container's `volumeMounts`. */
  readonly index: number;
  readonly subPath: string;
}

/** A token of the Pod's service account, bound to the Pod. */
export type TokenSource = (request: {
  readonly pod: Pod;
  /** Empty: the API itself. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
}) => Promise<{ readonly token: string; readonly renewAtMs: number }>;

export interface VolumeManager {
  /**
   * Makes all volumes of the Pod ready, and what they show up to date; or rejects with a MinkeError that names volume, field, value and remedy
   * (the engine shows it as event `FailedMount`).
   */
  prepare(pod: Pod): Promise<ReadonlyMap<string, PreparedVolume>>;
  /** A host path for one `subPath` mount that can not be led out of the volume; reason `CreateContainerConfigError`. */
  subPath(request: SubPathRequest): Promise<string>;
  /** Removes what `prepare` made for this Pod. Never removes a hostPath's content. Idempotent. */
  release(podUid: string): Promise<void>;
  /** UIDs of Pods that have something prepared on disk, for cleaning after a crash. */
  prepared(): Promise<readonly string[]>;
  /** Which field of a volume this manager does not support, as a path below the volume; undefined when it supports it. */
  unsupported(volume: Volume): string | undefined;
}
