/** `save`: one image as an archive, under the name that was asked for, or all of its names when asked for by id. */
import { writeDockerArchive, writeOciArchive } from "../../oci/archive.ts";
import type { ArchiveFormat } from "../image.ts";
import type { Content } from "./content.ts";
import { notFound } from "./not-found.ts";

export async function* saveImage(
  content: Content,
  reference: string,
  format: ArchiveFormat,
): AsyncGenerator<Uint8Array> {
  const named = content.catalog.findNamed(reference);
  const image = named?.image ?? content.catalog.find(reference);
  if (!image) throw notFound("save", reference);
  const { descriptor, manifest, config } = content.catalog.manifestOf(image);
  const source = {
    names: named && named.names.length > 0 ? named.names.filter((name) => !name.includes("@")) : image.repoTags,
    manifest: descriptor,
    config: manifest.config,
    layers: manifest.layers.map((layer, i) => ({ ...layer, diffId: config.diffIds[i]! })),
    path: (digest: string) => content.paths.blob(digest),
  };
  yield* format === "docker-archive" ? writeDockerArchive(source) : writeOciArchive(source);
}
