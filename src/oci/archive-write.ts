/** Writes one image as an archive, as a stream, checking every blob's digest on the way out. */
import { type Pack, pack } from "tar-stream";

import { readBlob } from "./blob-file.ts";
import { decompress } from "./compression.ts";
import {
  type Descriptor,
  MEDIA_TYPES,
  NAME_ANNOTATION,
  REF_NAME_ANNOTATION,
  encodeDocument,
  hexOf,
} from "./image-format.ts";
import { familiar } from "./reference.ts";

/** An image to write: where its blobs are, and the names it gets in the archive. */
export interface ArchiveSource {
  /** Names in normal form. */
  readonly names: readonly string[];
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly (Descriptor & { readonly diffId: string })[];
  /** The file of a blob. */
  path(digest: string): string;
}

/** An OCI archive, that `skopeo`, `podman load`, `ctr images import` and `docker load` (25 or newer) read. */
export function writeOciArchive(source: ArchiveSource): AsyncIterable<Uint8Array> {
  return stream(async (out) => {
    const { annotations: _dropped, ...manifest } = source.manifest;
    const named = source.names.map((name) => ({
      ...manifest,
      annotations: { [NAME_ANNOTATION]: name, [REF_NAME_ANNOTATION]: name },
    }));
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: named.length > 0 ? named : [manifest] };
    await addData(out, "oci-layout", Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
    await addData(out, "index.json", encodeDocument(MEDIA_TYPES.index, index).data);
    const blobs = new Map([source.manifest, source.config, ...source.layers].map((one) => [one.digest, one]));
    for (const { digest, size } of blobs.values()) {
      await addFile(out, `blobs/sha256/${hexOf(digest)}`, size, readBlob(source.path(digest), digest));
    }
  });
}

/** A Docker archive. Its layers are plain tar files; a compressed one is read twice, first for its size. */
export function writeDockerArchive(source: ArchiveSource): AsyncIterable<Uint8Array> {
  return stream(async (out) => {
    const config = `${hexOf(source.config.digest)}.json`;
    await addFile(out, config, source.config.size, readBlob(source.path(source.config.digest), source.config.digest));
    const names = source.layers.map((layer) => `${hexOf(layer.diffId)}.tar`);
    for (const [i, layer] of source.layers.entries()) {
      if (names.indexOf(names[i]!) !== i) continue;
      const open = async (): Promise<AsyncIterable<Uint8Array>> =>
        (await decompress(readBlob(source.path(layer.digest), layer.digest))).content;
      const size = layer.digest === layer.diffId ? layer.size : await sizeOf(await open());
      await addFile(out, names[i]!, size, await open());
    }
    const manifest = [{ Config: config, RepoTags: source.names.map(familiar), Layers: names }];
    await addData(out, "manifest.json", Buffer.from(JSON.stringify(manifest)));
  });
}

async function* stream(fill: (out: Pack) => Promise<void>): AsyncGenerator<Uint8Array> {
  const out = pack();
  let failure: unknown;
  out.on("error", (error) => (failure ??= error)); // also when it comes before the first read
  const filled = fill(out).then(
    () => out.finalize(),
    (error: unknown) => {
      failure ??= error;
      out.destroy();
    },
  );
  try {
    yield* out as AsyncIterable<Uint8Array>;
  } catch (error) {
    failure ??= error;
  } finally {
    out.destroy(); // a reader that stops early ends the filling too
  }
  await filled;
  if (failure !== undefined) throw failure;
}

async function addData(out: Pack, name: string, data: Buffer): Promise<void> {
  await addFile(
    out,
    name,
    data.length,
    (async function* () {
      yield data;
    })(),
  );
}

/** Adds one file, at the pace of the reader. */
async function addFile(out: Pack, name: string, size: number, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const entry = out.entry({ name, size, mode: 0o644, mtime: new Date(0) }, (error) =>
    error ? reject(error) : resolve(),
  );
  let proceed = (): void => {};
  entry.on("drain", () => proceed());
  entry.on("close", () => proceed());
  try {
    for await (const chunk of content) {
      if (entry.write(chunk)) continue;
      await new Promise<void>((drained) => (proceed = drained));
      if (out.destroying) break;
    }
    entry.end(undefined);
  } catch (error) {
    promise.catch(() => {}); // the pack stream is destroyed with `error` itself
    throw error;
  }
  await promise;
}

async function sizeOf(content: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of content) size += chunk.byteLength;
  return size;
}
