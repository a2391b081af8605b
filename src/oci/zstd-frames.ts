/**
 * Cuts zstd data at the ends of its frames (RFC 8878). Images have layers of thousands of frames (zstd:chunked), and Node's
 * decoder takes a further frame only when that begins a write of its own: what follows a frame inside one write it drops.
 */
import { MinkeError } from "../base/errors.ts";

const MAGIC = 0xfd2fb528;
/** The low four bits of a skippable frame's magic number are free. */
const SKIPPABLE_MAGIC = 0x184d2a5;
/** Bytes of the longest header: magic number, descriptor, window, dictionary id, content size. */
const HEADER_BYTES_MAX = 18;

type Part = "magic" | "skippable-size" | "header" | "block-header" | "body";

/** The same bytes in pieces of which none reaches over the end of a frame. Throws `InvalidArgument` for what is no zstd. */
export async function* atFrameEnds(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new FrameWalker();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const end = frames.walk(chunk, at);
      yield chunk.subarray(at, end);
      at = end;
    }
  }
}

class FrameWalker {
  #part: Part = "magic";
  #head = Buffer.alloc(HEADER_BYTES_MAX);
  #headBytes = 0;
  /** Bytes to pass before the next thing to read. */
  #skip = 0;
  #hasChecksum = false;
  #isLast = false;

  /** Passes over bytes of `chunk` from `from` on, to the end of a frame or of the chunk; returns where that is. */
  walk(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length;) {
      if (this.#part === "body") {
        const passed = Math.min(this.#skip, chunk.length - at);
        at += passed;
        this.#skip -= passed;
        if (this.#skip === 0 && this.#endBody()) return at;
        continue;
      }
      this.#head[this.#headBytes++] = chunk[at++]!;
      if (this.#headBytes === this.#wanted() && this.#endHead()) return at;
    }
    return chunk.length;
  }

  #wanted(): number {
    if (this.#part === "block-header") return 3;
    if (this.#part === "header" && this.#headBytes > 0) return headerBytes(this.#head[0]!);
    return this.#part === "header" ? 1 : 4;
  }

  /** A header is whole. Returns whether the frame ends with it. */
  #endHead(): boolean {
    const head = this.#head;
    this.#headBytes = 0;
    switch (this.#part) {
      case "magic": {
        const magic = head.readUInt32LE(0);
        if (magic !== MAGIC && magic >>> 4 !== SKIPPABLE_MAGIC) {
          throw new MinkeError("InvalidArgument", "Cannot decompress: what follows a zstd frame is no frame");
        }
        this.#part = magic === MAGIC ? "header" : "skippable-size";
        return false;
      }
      case "skippable-size":
        this.#isLast = true;
        this.#hasChecksum = false;
        return this.#startBody(head.readUInt32LE(0));
      case "header":
        this.#hasChecksum = (head[0]! & 4) !== 0;
        this.#part = "block-header";
        return false;
      default: {
        const block = head.readUIntLE(0, 3);
        this.#isLast = (block & 1) !== 0;
        const isRepeatedByte = ((block >> 1) & 3) === 1;
        return this.#startBody((isRepeatedByte ? 1 : block >> 3) + (this.#isLast && this.#hasChecksum ? 4 : 0));
      }
    }
  }

  #startBody(bytes: number): boolean {
    this.#part = "body";
    this.#skip = bytes;
    return bytes === 0 && this.#endBody();
  }

  #endBody(): boolean {
    this.#part = this.#isLast ? "magic" : "block-header";
    return this.#isLast;
  }
}

/** Bytes of a frame header without the magic number, by its descriptor byte. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const size = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  return 1 + (isSingleSegment ? 0 : 1) + dictionary + size;
}
