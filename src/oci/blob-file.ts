/** Writing and reading content that is known by its digest. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";

import { MinkeError } from "../base/errors.ts";

/** Bytes per read: few turns of the event loop, little memory. */
const READ_BYTES = 1024 * 1024;

/** A file with its digest, not yet in a store. */
export interface BlobFile {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes `content` into a new file, on the disk when this resolves. */
export async function writeBlob(path: string, content: AsyncIterable<Uint8Array>): Promise<BlobFile> {
  const hash = createHash("sha256");
  await using file = await open(path, "wx", 0o600);
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    await file.writeFile(chunk);
    size += chunk.byteLength;
  }
  await file.sync();
  return { path, digest: `sha256:${hash.digest("hex")}`, size };
}

/** The bytes of a file; with `digest`, the iteration throws at its end when they do not hash to it. */
export async function* readBlob(path: string, digest?: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    if (digest !== undefined) hash.update(chunk);
    yield chunk;
  }
  const actual = `sha256:${hash.digest("hex")}`;
  if (digest !== undefined && actual !== digest) {
    throw new MinkeError("FailedPrecondition", `Cannot read ${path}: its content has digest ${actual}, not ${digest}`, {
      details: { path, expected: digest, actual },
    });
  }
}
