/** Reads the compressed headers of SYN_STREAM and HEADERS frames. SPDY/3.1 §2.6.10. */
import { constants, createInflate } from "node:zlib";
import type { Inflate } from "node:zlib";

import { DICTIONARY } from "./dictionary.ts";
import { MalformedFrame } from "./frame.ts";

/** Longest header block, in bytes when decompressed. */
export const HEADER_BLOCK_BYTES_MAX = 64 * 1024;
/** How much the decompressor hands out at once, in bytes. */
const INFLATE_CHUNK_BYTES = 4 * 1024;

/** The peer's compression context: every block of the connection has to pass through it, one at a time and in order. */
export class HeaderReader {
  readonly #inflate: Inflate;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #fail: (error: Error) => void = () => {};

  constructor() {
    const inflate = createInflate({
      dictionary: DICTIONARY,
      chunkSize: INFLATE_CHUNK_BYTES,
      flush: constants.Z_SYNC_FLUSH,
    });
    inflate.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes <= HEADER_BLOCK_BYTES_MAX) return;
      this.#fail(new MalformedFrame(`headers of more than ${HEADER_BLOCK_BYTES_MAX} bytes`));
      inflate.destroy();
    });
    inflate.on("error", (cause) => this.#fail(new MalformedFrame(`bad headers: ${cause.message}`, { cause })));
    inflate.on("end", () => this.#fail(new MalformedFrame("the compression of headers was ended")));
    this.#inflate = inflate;
  }

  /** The headers of one block; names are lower case on the wire. Rejects with {@link MalformedFrame}. */
  async read(block: Buffer): Promise<ReadonlyMap<string, string>> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#fail = reject;
    this.#inflate.write(block, (error) => (error ? reject(error) : resolve()));
    await promise;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    return parseHeaders(bytes);
  }

  /** Frees the context; a block that is being read is given up. */
  close(): void {
    this.#inflate.destroy(new Error("the connection has ended"));
  }
}

/** A count, then for each header the length and bytes of its name and those of its value; all numbers 32 bits. */
export function parseHeaders(block: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let offset = 0;
  const number = (): number => {
    if (offset + 4 > block.length) throw new MalformedFrame("headers that end early");
    offset += 4;
    return block.readUInt32BE(offset - 4);
  };
  const text = (): string => {
    const end = number() + offset;
    if (end > block.length) throw new MalformedFrame("headers that end early");
    const value = block.toString("latin1", offset, end);
    offset = end;
    return value;
  };
  for (let left = number(); left > 0; left--) {
    const name = text();
    if (name === "" || headers.has(name)) throw new MalformedFrame("a header without a name, or twice");
    headers.set(name, text());
  }
  if (offset !== block.length) throw new MalformedFrame("bytes behind the headers");
  return headers;
}
