/**
 * The JSON documents of the OCI image specification (and Docker's schema 2, which has the same shape): index, manifest,
 * configuration. Read with care, since they come from outside.
 */
import { createHash } from "node:crypto";

import { MinkeError } from "../base/errors.ts";
import type { Compression } from "./compression.ts";

export const MEDIA_TYPES = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
} as const;

/** Annotation with the full name, as containerd and Docker write it. */
export const NAME_ANNOTATION = "io.containerd.image.name";
/** Annotation with the name, as skopeo and podman write it, or only the tag, as the specification has it. */
export const REF_NAME_ANNOTATION = "org.opencontainers.image.ref.name";

/** Bytes of one such document; real ones have a few KiB. */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
/** Layers of one image; overlayfs takes at most 500 lower directories. */
const LAYERS_MAX = 500;

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7` of `linux/arm/v7`. */
  readonly variant?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

export interface Manifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
}

/** What is used of an image's configuration; fields that it does not have are empty. */
export interface ConfigFile {
  readonly architecture: string;
  readonly os: string;
  readonly created: string;
  readonly diffIds: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a digest of the only kind that is stored: SHA-256. */
export function isDigest(text: unknown): text is string {
  return typeof text === "string" && DIGEST.test(text);
}

export function digestOf(data: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(data).digest("hex")}`;
}

/** The 64 hexadecimal digits of a digest. */
export function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}

/** Reads an index (or Docker's manifest list): its descriptors. `what` names the document in errors. */
export function readIndex(text: string, what: string): readonly Descriptor[] {
  const document = readObject(text, what);
  const manifests = document["manifests"] ?? [];
  if (!Array.isArray(manifests)) throw malformed(what, '"manifests" is no list');
  return manifests.map((value) => readDescriptor(value, what));
}

export function readManifest(text: string, what: string): Manifest {
  const document = readObject(text, what);
  const layers = document["layers"];
  if (!Array.isArray(layers)) throw malformed(what, '"layers" is no list');
  if (layers.length > LAYERS_MAX) throw malformed(what, `it has ${layers.length} layers; at most ${LAYERS_MAX} work`);
  return {
    mediaType: textOf(document["mediaType"]) || MEDIA_TYPES.manifest,
    config: readDescriptor(document["config"], what),
    layers: layers.map((layer) => readDescriptor(layer, what)),
  };
}

/** Reads an image's configuration. A manifest of something else (a chart, an attestation) is refused here. */
export function readConfig(text: string, what: string): ConfigFile {
  const document = readObject(text, what);
  const rootfs = asObject(document["rootfs"]);
  const diffIds = rootfs?.["diff_ids"] ?? [];
  if (!rootfs || !Array.isArray(diffIds) || !diffIds.every(isDigest)) {
    throw malformed(what, 'its "rootfs" has no list of SHA-256 digests "diff_ids"');
  }
  return {
    architecture: textOf(document["architecture"]),
    os: textOf(document["os"]),
    created: textOf(document["created"]),
    diffIds,
    config: asObject(document["config"]) ?? {},
  };
}

/** Whether a descriptor is of an index or list of manifests. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.index || mediaType === MEDIA_TYPES.dockerList;
}

export function layerMediaType(compression: Compression): string {
  return compression === "none" ? MEDIA_TYPES.layer : `${MEDIA_TYPES.layer}+${compression}`;
}

/** A document as it is stored, with its descriptor. */
export function encodeDocument(mediaType: string, document: unknown): { data: Buffer; descriptor: Descriptor } {
  const data = Buffer.from(JSON.stringify(document));
  return { data, descriptor: { mediaType, digest: digestOf(data), size: data.length } };
}

/** An OCI manifest of a configuration and layers. */
export function encodeManifest(
  config: Descriptor,
  layers: readonly Descriptor[],
): { data: Buffer; descriptor: Descriptor } {
  return encodeDocument(MEDIA_TYPES.manifest, { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config, layers });
}

function readDescriptor(value: unknown, what: string): Descriptor {
  const descriptor = asObject(value);
  const { digest, size } = descriptor ?? {};
  if (!descriptor || !isDigest(digest) || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw malformed(what, "a descriptor has no SHA-256 digest or no size");
  }
  const annotations = asObject(descriptor["annotations"]);
  const platform = asObject(descriptor["platform"]);
  return {
    mediaType: textOf(descriptor["mediaType"]),
    digest,
    size,
    ...(annotations ? { annotations: textsOf(annotations) } : {}),
    ...(platform ? { platform: platformOf(platform) } : {}),
  };
}

function platformOf(platform: Readonly<Record<string, unknown>>): Platform {
  const variant = textOf(platform["variant"]);
  return {
    architecture: textOf(platform["architecture"]),
    os: textOf(platform["os"]),
    ...(variant === "" ? {} : { variant }),
  };
}

/** Those of an object's fields that are strings. */
export function textsOf(object: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(object).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Parses JSON that has to be an object. */
export function readObject(text: string, what: string): Record<string, unknown> {
  const object = asObject(readJson(text, what));
  if (!object) throw malformed(what, "it is no JSON object");
  return object;
}

export function readJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw malformed(what, "it is no JSON", error);
  }
}

export function malformed(what: string, why: string, cause?: unknown): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot read ${what}: ${why}`, cause === undefined ? {} : { cause });
}
