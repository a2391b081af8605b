/** From what a reference names to the manifest of one image: through indexes, past artifacts. */
import { MinkeError } from "../../base/errors.ts";
import {
  type Descriptor,
  MEDIA_TYPES,
  type Manifest,
  type Platform,
  asObject,
  malformed,
  readIndex,
  readManifest,
  readObject,
  textOf,
} from "../image-format.ts";
import { choosePlatform } from "../platform.ts";
import type { RemoteDocument, Repository } from "./repository.ts";

/** Indexes within indexes. */
const NESTING_MAX = 4;
/** Media types of an image's configuration; very old images have the last. */
const CONFIG_TYPES: readonly string[] = [MEDIA_TYPES.config, MEDIA_TYPES.dockerConfig, "application/octet-stream", ""];

export interface FoundManifest {
  /** What the reference itself names: the digest of the manifest, or of the index in which it was chosen. */
  readonly remoteDigest: string;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly data: Buffer;
}

/** Rejects as {@link Repository.document} does, and with `InvalidArgument` or `NotFound` for what is no image for here. */
export async function findManifest(
  repository: Repository,
  reference: string,
  options: { readonly platform?: Platform | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<FoundManifest> {
  const first = await repository.document(reference, options.signal);
  let document = first;
  for (let depth = 0; ; depth++) {
    const what = `manifest ${document.digest} of ${repository.name}`;
    const text = document.data.toString("utf8");
    if (!isIndex(text, what, document)) {
      const manifest = readImageManifest(text, what);
      const { digest, data } = document;
      const mediaType = manifest.mediaType;
      return { remoteDigest: first.digest, descriptor: { mediaType, digest, size: data.length }, manifest, data };
    }
    if (depth === NESTING_MAX) throw malformed(what, `indexes are nested more than ${NESTING_MAX} deep`);
    const chosen = choosePlatform(readIndex(text, what), what, options.platform);
    document = await repository.document(chosen.digest, options.signal);
    if (document.data.length !== chosen.size) {
      throw malformed(what, `it gives ${chosen.digest} ${chosen.size} bytes, and the registry ${document.data.length}`);
    }
  }
}

/** A document that could be read as either kind is refused, since others may read it as the other (CVE-2021-41190). */
function isIndex(text: string, what: string, { mediaType }: RemoteDocument): boolean {
  const document = readObject(text, what);
  const hasManifests = document["manifests"] !== undefined;
  const hasLayers = document["layers"] !== undefined || document["config"] !== undefined;
  if (hasManifests && hasLayers) throw malformed(what, "it is both an index and a manifest");
  if (document["schemaVersion"] === 1 || document["fsLayers"] !== undefined || mediaType.includes("v1+prettyjws")) {
    throw malformed(
      what,
      "it is of Docker's schema 1, which is no longer in use; push the image again with a current tool",
    );
  }
  return hasManifests;
}

function readImageManifest(text: string, what: string): Manifest {
  const document = readObject(text, what);
  const configType = textOf(asObject(document["config"])?.["mediaType"]);
  const artifactType = textOf(document["artifactType"]);
  if (!CONFIG_TYPES.includes(configType)) throw artifact(what, artifactType || configType);
  const manifest = readManifest(text, what);
  const odd = manifest.layers.find(({ mediaType }) => !isLayerType(mediaType));
  if (odd) throw artifact(what, artifactType || odd.mediaType);
  return manifest;
}

/** OCI's and Docker's layers: tar, plain or compressed. Not encrypted ones. */
function isLayerType(mediaType: string): boolean {
  return mediaType === "" || /\btar(\.(gzip|zstd)|\+(gzip|zstd))?$/.test(mediaType);
}

function artifact(what: string, type: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot use ${what}: it is no image but an artifact of type "${type}"`, {
    reason: "ErrImagePull",
    details: { artifactType: type },
  });
}
