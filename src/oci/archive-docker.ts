/** Docker's archive (`docker save` before 25, `skopeo copy … docker-archive:`): manifest.json beside configs and layers. */
import { open } from "node:fs/promises";

import type { ArchiveFiles, ArchivedImage } from "./archive-files.ts";
import { readDocument } from "./archive-oci.ts";
import type { BlobFile } from "./blob-file.ts";
import { compressionOf } from "./compression.ts";
import {
  type Descriptor,
  MEDIA_TYPES,
  asObject,
  encodeManifest,
  layerMediaType,
  malformed,
  readJson,
  textOf,
} from "./image-format.ts";
import { normalize, parseReference } from "./reference.ts";

const WHAT = "manifest.json of the archive";

/** The images of a Docker archive. Their configuration, and so their id, stays as it is; the manifest is written new. */
export async function readDockerArchive(files: ArchiveFiles): Promise<readonly ArchivedImage[]> {
  const list = readJson(await readDocument(files.require("manifest.json"), WHAT), WHAT);
  if (!Array.isArray(list)) throw malformed(WHAT, "it is no list");
  const images: ArchivedImage[] = [];
  for (const value of list) {
    const item = asObject(value) ?? {};
    const config = files.require(textOf(item["Config"]));
    const layers = textList(item["Layers"]).map((name) => files.require(name));
    const { data, descriptor } = encodeManifest(
      describe(config, MEDIA_TYPES.config),
      await Promise.all(layers.map(async (layer) => describe(layer, layerMediaType(await compressionOfFile(layer))))),
    );
    images.push({
      names: textList(item["RepoTags"]).map((name) => normalize(parseReference(name))),
      manifest: { mediaType: descriptor.mediaType, digest: descriptor.digest, data },
      blobs: [...new Map([config, ...layers].map((file) => [file.digest, file])).values()],
    });
  }
  return images;
}

function describe(file: BlobFile, mediaType: string): Descriptor {
  return { mediaType, digest: file.digest, size: file.size };
}

async function compressionOfFile(file: BlobFile): Promise<ReturnType<typeof compressionOf>> {
  await using handle = await open(file.path);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return compressionOf(buffer.subarray(0, bytesRead));
}

function textList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
