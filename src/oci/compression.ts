/** Finds out how a stream is compressed by looking at its first bytes, and undoes it. */
import { Readable, pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

import { atFrameEnds } from "./zstd-frames.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Bytes per piece of decompressed output: each costs turns of the event loop and of the thread pool. */
const CHUNK_BYTES = 256 * 1024;
const MAGIC_BYTES = 4;

/** The compression that data starting with `head` has (RFC 1952, RFC 8878 with its skippable frames). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  const isZstd = head[0] === 0x28 && head[1] === 0xb5;
  const isSkippable = (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a;
  return (isZstd && head[2] === 0x2f && head[3] === 0xfd) || (isSkippable && head[2] === 0x4d && head[3] === 0x18)
    ? "zstd"
    : "none";
}

/** The plain content of `source`, and how it was compressed. Damaged or cut off data makes the iteration throw. */
export async function decompress(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly compression: Compression; readonly content: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAGIC_BYTES;) {
    const next = await iterator.next();
    if (next.done === true) break;
    first.push(next.value);
    bytes += next.value.byteLength;
  }
  const compression = compressionOf(Buffer.concat(first.map((piece) => piece.subarray(0, MAGIC_BYTES))));
  const whole = rejoin(first, iterator);
  if (compression === "none") return { compression, content: whole };
  const options = { chunkSize: CHUNK_BYTES };
  const decoder = compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  decoder.on("error", () => {}); // kept by the stream: its reader sees it, also when it starts later
  // An error of either side ends both; the reader of `decoder` sees it.
  const pieces = compression === "zstd" ? atFrameEnds(whole) : whole;
  pipeline(Readable.from(pieces, { objectMode: false }), decoder, () => {});
  return { compression, content: decoder };
}

async function* rejoin(first: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
