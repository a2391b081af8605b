/** `load`: every image of an OCI or Docker archive. Layers are unpacked when a container first needs them. */
import { rm } from "node:fs/promises";

import { MinkeError } from "../../base/errors.ts";
import { type ArchivedImage, readArchive } from "../../oci/archive.ts";
import type { Image } from "../image.ts";
import { type IndexEntry, withEntry } from "./catalog.ts";
import type { Content } from "./content.ts";

/** Loads all images of an archive, or, when one of them is not sound, none. */
export async function loadArchive(content: Content, archive: AsyncIterable<Uint8Array>): Promise<readonly Image[]> {
  const directory = content.temporary(content.paths.incoming);
  await using undo = new AsyncDisposableStack();
  undo.defer(async () => await rm(directory, { recursive: true, force: true }));
  const images = await readArchive(archive, directory);
  if (images.length === 0) throw new MinkeError("InvalidArgument", "Cannot load the archive: it lists no image");
  return await content.change(async () => {
    try {
      return await store(content, images);
    } catch (error) {
      await content.sweep(); // blobs of an archive that turned out to be unsound
      throw error;
    }
  });
}

async function store(content: Content, images: readonly ArchivedImage[]): Promise<readonly Image[]> {
  let entries: readonly IndexEntry[] = content.catalog.entries;
  const ids = new Set<string>();
  const moved = new Set<string>();
  for (const { names, manifest, blobs } of images) {
    for (const { digest, path } of blobs) {
      if (!moved.has(path)) await content.putFile(digest, path);
      moved.add(path);
    }
    await content.putData(manifest.digest, manifest.data);
    const { mediaType, digest, data } = manifest;
    const descriptor = { mediaType, digest, size: data.length };
    ids.add((await content.readStored(descriptor)).manifest.config.digest);
    for (const name of names.length > 0 ? names : [undefined]) entries = withEntry(entries, name, descriptor);
  }
  await content.commit(entries);
  return [...ids].map((id) => content.catalog.byId(id)!);
}
