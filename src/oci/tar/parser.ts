/**
 * A tar archive, chunk by chunk: calls a sink for every entry and every piece of its body. It keeps at most one header and
 * one extended header in memory, whatever the archive says.
 */
import { MinkeError } from "../../base/errors.ts";
import {
  BLOCK_BYTES,
  DIRECTORY,
  FILE,
  GNU_LONG_LINK,
  GNU_LONG_NAME,
  HARD_LINK,
  type Header,
  PAX,
  PAX_GLOBAL,
  SYMLINK,
  corrupt,
  readHeader,
  readPaxRecords,
} from "./header.ts";

/** Bytes of one extended header or long name. Linux allows 64 KiB for one extended attribute. */
export const EXTENDED_HEADER_BYTES_MAX = 1024 * 1024;

/** An entry with its long names and extended records applied. */
export interface TarEntry extends Header {
  /** The header block itself; valid only during the call. */
  readonly block: Buffer;
  readonly records: ReadonlyMap<string, Buffer>;
}

export interface TarSink {
  entry(entry: TarEntry): void;
  /** A piece of the body of the last entry; never more than its size in sum. */
  body(piece: Buffer): void;
  /** The last entry's body is complete. Called for every entry, also without a body. */
  close(): void;
}

const NO_RECORDS: ReadonlyMap<string, Buffer> = new Map();

/** Feed it with {@link TarParser.push}, and call {@link TarParser.end} when there is no more. Throws on malformed input. */
export class TarParser {
  readonly #sink: TarSink;
  /** What is being put together from several chunks: a header block, or the body of an extended header. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #wanted = BLOCK_BYTES;
  /** The header whose body is collected; undefined while a header block itself is. */
  #extended: Header | undefined;
  #bodyLeft = 0;
  #skipLeft = 0;
  #inBody = false;
  #ended = false;
  #records: Map<string, Buffer> | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** Whether the end-of-archive mark has been seen; what follows it is ignored. */
  get ended(): boolean {
    return this.#ended;
  }

  push(data: Uint8Array): void {
    const chunk = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < chunk.length && !this.#ended;) at += this.#take(chunk, at);
  }

  /** Throws when the archive stops in the middle of an entry. */
  end(): void {
    const isBetweenEntries =
      !this.#inBody && this.#skipLeft === 0 && this.#partialBytes === 0 && !this.#extended && !this.#hasPending();
    if (!this.#ended && !isBetweenEntries) throw corrupt("it is truncated");
  }

  #hasPending(): boolean {
    return this.#records !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  /** Consumes some of `chunk` from `at` on; returns how many bytes. */
  #take(chunk: Buffer, at: number): number {
    const available = chunk.length - at;
    if (this.#inBody) {
      const taken = Math.min(available, this.#bodyLeft);
      this.#sink.body(chunk.subarray(at, at + taken));
      this.#bodyLeft -= taken;
      if (this.#bodyLeft === 0) this.#closeEntry();
      return taken;
    }
    if (this.#skipLeft > 0) {
      const taken = Math.min(available, this.#skipLeft);
      this.#skipLeft -= taken;
      return taken;
    }
    const taken = Math.min(available, this.#wanted - this.#partialBytes);
    this.#partial.push(chunk.subarray(at, at + taken));
    this.#partialBytes += taken;
    if (this.#partialBytes === this.#wanted) this.#complete();
    return taken;
  }

  /** A header block, or the body of an extended header, is there. */
  #complete(): void {
    const whole = this.#partial.length === 1 ? this.#partial[0]! : Buffer.concat(this.#partial);
    const extended = this.#extended;
    this.#partial = [];
    this.#partialBytes = 0;
    this.#wanted = BLOCK_BYTES;
    this.#extended = undefined;
    if (extended) {
      this.#skipLeft = padded(extended.size) - extended.size;
      this.#applyExtended(extended.type, whole);
      return;
    }
    const header = readHeader(whole);
    if (!header) this.#ended = true;
    else if (header.type === PAX_GLOBAL) this.#skipLeft = padded(header.size);
    else if (header.type === PAX || header.type === GNU_LONG_NAME || header.type === GNU_LONG_LINK) {
      this.#collect(header);
    } else this.#openEntry(header, whole);
  }

  #collect(header: Header): void {
    if (header.size > EXTENDED_HEADER_BYTES_MAX) {
      throw new MinkeError(
        "ResourceExhausted",
        `Cannot read the tar archive: an extended header has ${header.size} bytes; at most ${EXTENDED_HEADER_BYTES_MAX} are allowed`,
      );
    }
    if (header.size === 0) return;
    this.#extended = header;
    this.#wanted = header.size;
  }

  #applyExtended(type: string, body: Buffer): void {
    // Copies: the chunk that it was cut from is not ours to keep.
    if (type === PAX) this.#records = readPaxRecords(Buffer.from(body));
    else {
      const end = body.indexOf(0);
      const name = body.toString("latin1", 0, end < 0 ? body.length : end);
      if (type === GNU_LONG_NAME) this.#longName = name;
      else this.#longLink = name;
    }
  }

  #openEntry(header: Header, block: Buffer): void {
    const records = this.#records ?? NO_RECORDS;
    const name = records.get("path")?.toString("latin1") ?? this.#longName ?? header.name;
    // Archives older than POSIX have no directory type, only the slash.
    const type = header.type === FILE && name.endsWith("/") ? DIRECTORY : header.type;
    const isLink = type === HARD_LINK || type === SYMLINK;
    const entry: TarEntry = {
      name,
      linkName: isLink ? (records.get("linkpath")?.toString("latin1") ?? this.#longLink ?? header.linkName) : "",
      type,
      // Links, directories, devices and fifos have no body, whatever some writers put into their size.
      size: type === FILE || !"123456".includes(type) ? sizeOf(header, records) : 0,
      mode: header.mode,
      block,
      records,
    };
    this.#records = this.#longName = this.#longLink = undefined;
    this.#sink.entry(entry);
    this.#bodyLeft = entry.size;
    this.#skipLeft = padded(entry.size) - entry.size;
    this.#inBody = entry.size > 0;
    if (!this.#inBody) this.#closeEntry();
  }

  #closeEntry(): void {
    this.#inBody = false;
    this.#sink.close();
  }
}

function sizeOf(header: Header, records: ReadonlyMap<string, Buffer>): number {
  const record = records.get("size")?.toString("latin1");
  if (record === undefined) return header.size;
  if (!/^\d{1,15}$/.test(record)) throw corrupt("an extended header has a malformed size");
  return Number(record);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}
