/** The files of an image archive, read in one pass into a folder, since what names the blobs may come after them. */
import { join, posix } from "node:path";
import { Readable, pipeline } from "node:stream";

import { type Header, extract } from "tar-stream";

import { MinkeError, errnoOf, messageOf } from "../base/errors.ts";
import { type BlobFile, writeBlob } from "./blob-file.ts";
import { decompress } from "./compression.ts";
import { hexOf } from "./image-format.ts";
import { streamError } from "./stream-error.ts";

/** Entries and bytes of one archive, uncompressed. */
const ARCHIVE_ENTRIES_MAX = 20_000;
const ARCHIVE_BYTES_MAX = 256 * 1024 ** 3;
/** Symlinks from one name of an archive to another; `docker save` of old made one per shared layer. */
const LINKS_FOLLOWED_MAX = 8;

/** One image of an archive, as a manifest whose blobs are at hand. */
export interface ArchivedImage {
  /** Names in normal form; none when the archive has none. */
  readonly names: readonly string[];
  readonly manifest: { readonly mediaType: string; readonly digest: string; readonly data: Buffer };
  /** Configuration and layers, each once. */
  readonly blobs: readonly BlobFile[];
}

/** The files of an archive by their name in it, links followed. */
export interface ArchiveFiles {
  get(name: string): BlobFile | undefined;
  /** Rejects with an error that names the missing file. */
  require(name: string): BlobFile;
}

/** Reads an archive, plain or compressed, its files into `directory`. Digests in names are checked. */
export async function spoolArchive(archive: AsyncIterable<Uint8Array>, directory: string): Promise<ArchiveFiles> {
  const files = new Map<string, BlobFile>();
  const links = new Map<string, string>();
  const reader = extract();
  const { content } = await decompress(limited(archive));
  reader.on("error", () => {}); // the loop below sees it, also when it comes early
  pipeline(Readable.from(content, { objectMode: false }), reader, () => {});
  let entries = 0;
  try {
    for await (const entry of reader) {
      if (++entries > ARCHIVE_ENTRIES_MAX) throw tooLarge(`more than ${ARCHIVE_ENTRIES_MAX} entries`);
      const name = posix.normalize(entry.header.name);
      if (entry.header.type === "file" || entry.header.type === "contiguous-file") {
        const file = await writeBlob(join(directory, String(entries)), limited(entry as AsyncIterable<Uint8Array>));
        checkName(name, file);
        files.set(name, file);
      } else {
        const target = linkTarget(name, entry.header);
        if (target !== undefined) links.set(name, target);
        entry.resume();
      }
    }
  } catch (error) {
    const known = streamError("load the archive", error);
    if (known.code !== "Internal" || errnoOf(error) !== undefined) throw known;
    const message = `Cannot load the archive: it is damaged or cut off: ${messageOf(error)}`;
    throw new MinkeError("InvalidArgument", message, { cause: error });
  }
  return lookup(files, links);
}

function lookup(files: ReadonlyMap<string, BlobFile>, links: ReadonlyMap<string, string>): ArchiveFiles {
  const get = (name: string): BlobFile | undefined => {
    let at = posix.normalize(name);
    for (let i = 0; i < LINKS_FOLLOWED_MAX && !files.has(at) && links.has(at); i++) at = links.get(at)!;
    return files.get(at);
  };
  const require = (name: string): BlobFile => {
    const file = get(name);
    if (file) return file;
    throw new MinkeError("InvalidArgument", `Cannot load the archive: it has no file "${name}", which it refers to`);
  };
  return { get, require };
}

function linkTarget(name: string, header: Header): string | undefined {
  const target = header.linkname ?? "";
  if (header.type === "symlink") return posix.normalize(posix.join(posix.dirname(name), target));
  return header.type === "link" ? posix.normalize(target) : undefined;
}

/** In an OCI layout a blob's name is its digest. */
function checkName(name: string, file: BlobFile): void {
  const expected = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
  if (expected === undefined || expected === hexOf(file.digest)) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot load the archive: its blob sha256:${expected} is damaged: the content has digest ${file.digest}`,
    { details: { expected: `sha256:${expected}`, actual: file.digest } },
  );
}

async function* limited(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes > ARCHIVE_BYTES_MAX) throw tooLarge(`more than ${ARCHIVE_BYTES_MAX} bytes`);
    yield chunk;
  }
}

function tooLarge(what: string): MinkeError {
  return new MinkeError("ResourceExhausted", `Cannot load the archive: it has ${what}, the limit for one archive`);
}
