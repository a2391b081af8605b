/**
 * The image service's contract, in the CRI's shape.
 *
 * Vocabulary. A *reference* is what a manifest says (`nginx`, `localhost/ghost:5`, `repo@sha256:…`). Its *normal form* has a
 * registry, a path and a tag or digest (`docker.io/library/nginx:latest`). An image's *id* is the digest of its
 * configuration (`sha256:…`): the same content has one id under however many names. A short name means a local
 * `localhost/NAME` first, then `docker.io/library/NAME`.
 */
import type { SecretName } from "../base/docker-auths.ts";

/** What the runtime needs of an image's configuration. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `NAME=value` */
  readonly env: readonly string[];
  readonly workingDir: string;
  /** As written in the image: `1000`, `www-data`, `1000:1000`, or empty for root. */
  readonly user: string;
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  readonly stopSignal?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Image {
  /** Digest of the configuration, `sha256:…`. */
  readonly id: string;
  /** Names in normal form with a tag, in the order of their making. */
  readonly repoTags: readonly string[];
  /** Names in normal form with the manifest's digest. */
  readonly repoDigests: readonly string[];
  /** Bytes of the blobs as stored. */
  readonly sizeBytes: number;
  /** Milliseconds since the epoch; 0 when the image does not say. */
  readonly createdMs: number;
  readonly architecture: string;
  readonly os: string;
  readonly config: ImageConfig;
  readonly manifestDigest: string;
  /** Digests of the layers' uncompressed tar streams, lowest first. */
  readonly diffIds: readonly string[];
}

export interface ImportOptions {
  readonly name: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly ports?: readonly string[];
}

export type ArchiveFormat = "oci-archive" | "docker-archive";

/** One step of a long operation, for a person to see. */
export interface ImageProgress {
  readonly message: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
  /** Of a pull or push: every layer of the image, lowest first. */
  readonly layers?: readonly LayerProgress[];
}

export interface LayerProgress {
  readonly digest: string;
  /** `present`: it was there already. */
  readonly state: "waiting" | "pulling" | "pushing" | "unpacking" | "present" | "done";
  readonly currentBytes: number;
  readonly totalBytes: number;
}

/** Who pulls from, or pushes to, a registry. A token is sent as it is; the others become Basic, or buy a token. Never logged. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** Buys access tokens at the registry's token server (OAuth2 refresh token, `identitytoken` in docker's files). */
  readonly identityToken?: string;
  /** Sent as `Authorization: Bearer`. */
  readonly registryToken?: string;
  /**
   * The only images it is for, as docker's files say it: `HOST[:PORT][/PATH]`, where parts of the host may be globs (the
   * kubelet's rule). Absent: for every image.
   */
  readonly place?: string;
  /** The Secret that it is from. */
  readonly secret?: SecretName;
}

/** The kubelet's imagePullCredentialsVerificationPolicy. */
export const VERIFICATION_POLICIES = [
  "NeverVerify",
  "NeverVerifyPreloadedImages",
  "NeverVerifyAllowlistedImages",
  "AlwaysVerify",
] as const;

/** For which images that are here a Pod needs credentials of its own all the same. */
export interface CredentialVerification {
  readonly policy: (typeof VERIFICATION_POLICIES)[number];
  /** With `NeverVerifyAllowlistedImages`: repositories, or `PREFIX/*`, whose preloaded images are for every Pod. */
  readonly allowlist?: readonly string[];
}

export interface RemoteOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
  /** Tried in order; then what the node's own credentials files say, and anonymously last. */
  readonly auth?: readonly RegistryAuth[];
  /** False: any certificate of the registry will do, and none. Default: true. */
  readonly verifyTls?: boolean;
}

export interface PullOptions extends RemoteOptions {
  /** Default: the host's. `linux/arm64`, `linux/arm/v7`. */
  readonly platform?: string;
  /** Note with which credential it was pulled: {@link ImageService.isOpenTo} is about that. */
  readonly forPod?: boolean;
}

export interface PushOptions extends RemoteOptions {
  /** The name that it gets in its registry. Default: the name by which the image was found. */
  readonly target?: string;
}

/** What a registry has now. */
export interface PushedImage {
  /** In normal form. */
  readonly name: string;
  /** Of the manifest. */
  readonly digest: string;
}

/** One step of an image's making. */
export interface HistoryStep {
  /** Milliseconds since the epoch; 0 when the image does not say. */
  readonly createdMs: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes of the layer's blob; 0 for a step that made none. */
  readonly sizeBytes: number;
  /** Digest of the layer's blob. */
  readonly layer?: string;
}

export interface DiskUsageRow {
  /** `blobs`: as registries have them; `layers`: unpacked; `partial`: downloads that broke off. */
  readonly type: "blobs" | "layers" | "partial";
  readonly total: number;
  /** Of these: needed by an image in use. */
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
}

export interface DiskUsage {
  readonly images: { readonly total: number; readonly active: number };
  readonly rows: readonly DiskUsageRow[];
}

/** What was found wrong with an image's content: nothing, if all is well. */
export interface VerifiedImage {
  readonly id: string;
  readonly names: readonly string[];
  readonly problems: readonly string[];
}

export interface CollectOptions {
  /** Percent of the disk from which on images are removed, and down to which. */
  readonly highPercent: number;
  readonly lowPercent: number;
  /** Milliseconds unused after which an image goes, whatever the disk has; 0: never (the kubelet's imageMaximumGCAge). */
  readonly maxAgeMs: number;
  /** Milliseconds for which an image that came or was used is left alone (the kubelet's imageMinimumGCAge: that came). */
  readonly minAgeMs: number;
  /** Ids of images to keep, besides those of containers. Asked again before each removal. */
  readonly inUse: () => Promise<ReadonlySet<string>>;
}

export interface Collected {
  /** Names, and ids of images that had none. */
  readonly removed: readonly string[];
  /** Of the disk, afterwards. */
  readonly usedPercent: number;
  /** False: the disk is fuller than it should be, and nothing more can go. */
  readonly isEnough: boolean;
}

export interface ImageService {
  list(): Promise<readonly Image[]>;
  /** By reference, short name or id (also a unique prefix of 12 or more hex digits); undefined when there is none. */
  status(reference: string): Promise<Image | undefined>;
  /**
   * Makes `reference` what the registry has under it now. Rejects with reason `ErrImagePull`, `InvalidImageName` or
   * `RegistryUnavailable`. One pull per image at a time, whoever asks; it ends when nobody waits for it any more.
   */
  pull(reference: string, options?: PullOptions): Promise<Image>;
  /**
   * Whether a Pod may use an image that is here, found by `reference`, without asking the registry: by the verification policy, it
   * was not pulled for Pods, or without a secret, or with one of these credentials. Otherwise it has to be pulled.
   */
  isOpenTo(image: Image, reference: string, auth: readonly RegistryAuth[]): Promise<boolean>;
  /** Gives an image to the registry in its name: the blobs that are not there, then the manifest as it is stored. */
  push(reference: string, options?: PushOptions): Promise<PushedImage>;
  /**
   * Keeps a password for a registry among the node's own, once the registry has taken it; resolves with the file or helper
   * that keeps it. Rejects with `PermissionDenied`.
   */
  login(
    registry: string,
    login: { readonly username: string; readonly password: string },
    options?: Pick<RemoteOptions, "verifyTls" | "signal">,
  ): Promise<string>;
  /** Forgets the node's passwords for a registry; resolves with the files and helpers that had one. */
  logout(registry: string): Promise<readonly string[]>;
  /** Removes an image: every name when given an id, else that one name; the content goes with the last name. Idempotent. */
  remove(reference: string): Promise<void>;
  /** Makes a one-layer image of a root file system's tar stream (plain, gzip or zstd). */
  import(tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image>;
  /** Loads every image of an OCI or docker archive (found out from its content; plain, gzip or zstd). */
  load(archive: AsyncIterable<Uint8Array>): Promise<readonly Image[]>;
  /** Writes an archive of one image under its name. */
  save(reference: string, format: ArchiveFormat): AsyncIterable<Uint8Array>;
  tag(source: string, target: string): Promise<Image>;
  /**
   * Removes images that no name (or with `all`: neither `inUse` nor a container, whoever owns it) needs, and unreferenced
   * content.
   */
  prune(options: {
    readonly all: boolean;
    readonly inUse: ReadonlySet<string>;
  }): Promise<{ readonly removed: readonly string[]; readonly freedBytes: number }>;
  /**
   * The unpacked layers of an image as directories, topmost first, ready as overlay lower directories. Unpacks what is
   * missing; a layer shared by two images is unpacked once. Digests are checked before anything is visible.
   */
  layers(id: string): Promise<readonly string[]>;
  /** Removes broken downloads that are old, images that nothing has used for long, and when the disk is full others that nothing uses, the longest unused first. */
  collect(options: CollectOptions): Promise<Collected>;
  /** How an image came to be, newest step first. Rejects with `NotFound`. */
  history(reference: string): Promise<readonly HistoryStep[]>;
  /** What the store takes; reclaimable is what no image of `inUse` needs, nor a container. */
  diskUsage(options: { readonly inUse: ReadonlySet<string> }): Promise<DiskUsage>;
  /** Reads and digests all content of an image, or of all images. Rejects with `NotFound`. */
  verify(reference?: string, options?: Pick<RemoteOptions, "signal">): Promise<readonly VerifiedImage[]>;
  /** Bytes and inodes used by images and layers. */
  usage(): Promise<{ readonly usedBytes: number; readonly inodesUsed: number; readonly path: string }>;
}
