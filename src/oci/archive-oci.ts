/** An OCI image layout in an archive: OCI image specification, image-layout.md. */
import { readFile } from "node:fs/promises";

import type { ArchiveFiles, ArchivedImage } from "./archive-files.ts";
import type { BlobFile } from "./blob-file.ts";
import {
  DOCUMENT_BYTES_MAX,
  type Descriptor,
  NAME_ANNOTATION,
  REF_NAME_ANNOTATION,
  hexOf,
  isIndexType,
  malformed,
  readIndex,
  readManifest,
} from "./image-format.ts";
import { choosePlatform } from "./platform.ts";
import { DOCKER_HUB, normalize, normalizeNew, parseReference } from "./reference.ts";

/** Indexes within indexes. */
const NESTING_MAX = 4;

/** The images that `index.json` lists, one per manifest, with all of its names. */
export async function readOciArchive(files: ArchiveFiles): Promise<readonly ArchivedImage[]> {
  const images = new Map<string, ArchivedImage>();
  for (const listed of readIndex(await readDocument(files.require("index.json"), "index.json"), "index.json")) {
    const descriptor = await resolve(files, listed);
    const before = images.get(descriptor.digest);
    const name = nameOf(listed.annotations ?? {});
    const names = [...(before?.names ?? []), ...(name === undefined ? [] : [name])];
    images.set(descriptor.digest, { ...(before ?? (await readImage(files, descriptor))), names });
  }
  return [...images.values()];
}

/** Follows indexes to the manifest for this machine. */
async function resolve(files: ArchiveFiles, listed: Descriptor): Promise<Descriptor> {
  let descriptor = listed;
  for (let depth = 0; isIndexType(descriptor.mediaType); depth++) {
    if (depth === NESTING_MAX) throw malformed("the archive", `its indexes are nested more than ${NESTING_MAX} deep`);
    const what = `index ${descriptor.digest}`;
    descriptor = choosePlatform(readIndex(await readDocument(blobOf(files, descriptor), what), what), what);
  }
  return descriptor;
}

async function readImage(files: ArchiveFiles, descriptor: Descriptor): Promise<ArchivedImage> {
  const what = `manifest ${descriptor.digest}`;
  const text = await readDocument(blobOf(files, descriptor), what);
  const manifest = readManifest(text, what);
  const blobs = new Map([manifest.config, ...manifest.layers].map((one) => [one.digest, blobOf(files, one)]));
  return {
    names: [],
    manifest: { mediaType: manifest.mediaType, digest: descriptor.digest, data: Buffer.from(text) },
    blobs: [...blobs.values()],
  };
}

/**
 * The name that an archive gives an image. containerd and Docker write the whole name into an annotation of their own;
 * skopeo and podman write it into the specification's, where others have only a tag.
 */
function nameOf(annotations: Readonly<Record<string, string>>): string | undefined {
  const full = annotations[NAME_ANNOTATION];
  if (full !== undefined)
    return normalize({ ...parseReference(full), registry: parseReference(full).registry ?? DOCKER_HUB });
  const name = annotations[REF_NAME_ANNOTATION];
  return name === undefined ? undefined : normalizeNew(name);
}

function blobOf(files: ArchiveFiles, descriptor: Descriptor): BlobFile {
  return files.require(`blobs/sha256/${hexOf(descriptor.digest)}`);
}

/** The text of a small JSON file. */
export async function readDocument(file: BlobFile, what: string): Promise<string> {
  if (file.size > DOCUMENT_BYTES_MAX) throw malformed(what, `it has ${file.size} bytes; at most ${DOCUMENT_BYTES_MAX}`);
  return await readFile(file.path, "utf8");
}
