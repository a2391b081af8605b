/**
 * The tar format's header blocks and extended (PAX) records, as bytes. POSIX.1-2001 pax and the GNU extensions for long
 * names. Names are handled as latin1 strings: one character per byte, so that no file name and no extended attribute is
 * changed by a detour through UTF-8 (`security.capability` values are binary).
 */
import { MinkeError } from "../../base/errors.ts";

export const BLOCK_BYTES = 512;

/** Entry types by their flag character. */
export const FILE = "0";
export const HARD_LINK = "1";
export const SYMLINK = "2";
export const CHARACTER_DEVICE = "3";
export const BLOCK_DEVICE = "4";
export const DIRECTORY = "5";
export const FIFO = "6";
export const PAX = "x";
export const PAX_GLOBAL = "g";
export const GNU_LONG_NAME = "L";
export const GNU_LONG_LINK = "K";

/** What a header block says about its entry. */
export interface Header {
  readonly name: string;
  readonly linkName: string;
  readonly type: string;
  /** Bytes of the body that follows, without padding. */
  readonly size: number;
  readonly mode: number;
}

/** Reads a header block; undefined for a block of zeros, which ends the archive. Throws on a wrong checksum or number. */
export function readHeader(block: Buffer): Header | undefined {
  const sum = checksum(block);
  if (sum === CHECKSUM_OF_ZEROS) return undefined;
  if (sum !== readNumber(block, 148, 8)) throw corrupt("a header has a wrong checksum");
  const flag = block[156] === 0 ? FILE : String.fromCharCode(block[156]!);
  const short = readString(block, 0, 100);
  const isUstar = block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? readString(block, 345, 155) : "";
  return {
    name: prefix === "" ? short : `${prefix}/${short}`,
    linkName: readString(block, 157, 100),
    type: flag === "7" ? FILE : flag,
    size: readNumber(block, 124, 12),
    mode: readNumber(block, 100, 8) & 0o7777,
  };
}

/** What of a header block is written anew; the rest (mode, owner, time, device numbers) is kept from `source`. */
export interface HeaderChange {
  readonly name: string;
  readonly linkName?: string;
  readonly type: string;
  readonly size?: number;
}

/** A ustar header block made of `source`'s numbers and the given name, link, type and size. No user or group names. */
export function writeHeader(source: Buffer, change: HeaderChange): Buffer {
  const block = zeroBlock();
  source.copy(block, 100, 100, 124);
  source.copy(block, 136, 136, 148);
  source.copy(block, 329, 329, 345);
  block.write(change.name, 0, 100, "latin1");
  block.write(change.linkName ?? "", 157, 100, "latin1");
  writeNumber(block, 124, 12, change.size ?? 0);
  block.write(change.type, 156, 1, "latin1");
  block.write("ustar\x0000", 257, 8, "latin1");
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return block;
}

/** A block to make headers from where the archive has none: numbers all zero but for mode, and device 0/0. */
export function blankHeader(mode: number): Buffer {
  const block = zeroBlock();
  for (const [offset, value] of [
    [100, mode],
    [108, 0],
    [116, 0],
    [329, 0],
    [337, 0],
  ] as const) {
    writeNumber(block, offset, 8, value);
  }
  writeNumber(block, 136, 12, 0);
  return block;
}

/** Fills a body up to whole blocks. */
export function padding(size: number): Buffer {
  return ZEROS.subarray(0, (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** From Node's pool, which `alloc` does not use: a layer has tens of thousands of headers. */
function zeroBlock(): Buffer {
  return Buffer.allocUnsafe(BLOCK_BYTES).fill(0);
}

/** Reads the records `LENGTH KEY=VALUE\n` of a PAX header. Later records win. */
export function readPaxRecords(body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const digits = space < 0 ? "" : body.toString("latin1", at, space);
    const length = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = body.indexOf(0x3d, space);
    if (end <= space || end > body.length || equals < 0 || equals >= end || body[end - 1] !== 0x0a) {
      throw corrupt("an extended header is malformed");
    }
    records.set(body.toString("latin1", space + 1, equals), body.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** The body of a PAX header with these records. */
export function writePaxRecords(records: ReadonlyMap<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of records) {
    const rest = key.length + value.length + 3; // the space, the "=" and the newline
    let length = rest + String(rest).length;
    if (rest + String(length).length !== length) length++;
    parts.push(Buffer.from(`${length} ${key}=`, "latin1"), value, Buffer.from("\n"));
  }
  return Buffer.concat(parts);
}

/** The error for an archive that is not well-formed. */
export function corrupt(why: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot read the tar archive: ${why}; it is damaged or no tar archive`);
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** The sum of a block of zeros: its checksum field counts as eight spaces. */
const CHECKSUM_OF_ZEROS = 8 * 0x20;

function checksum(block: Buffer): number {
  let sum = CHECKSUM_OF_ZEROS;
  for (let i = 0; i < BLOCK_BYTES; i++) sum += block[i]!;
  for (let i = 148; i < 156; i++) sum -= block[i]!;
  return sum;
}

function readString(block: Buffer, offset: number, length: number): string {
  const end = block.indexOf(0, offset);
  return block.toString("latin1", offset, end < 0 || end > offset + length ? offset + length : end);
}

/** Octal digits, or with the top bit set a big-endian binary number (GNU). */
function readNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset]!;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + block[offset + i]!;
    if ((first & 0x40) !== 0 || !Number.isSafeInteger(value)) throw corrupt("a header has a number out of range");
    return value;
  }
  const text = readString(block, offset, length).trim();
  if (!/^[0-7]*$/.test(text)) throw corrupt("a header has a malformed number");
  return text === "" ? 0 : Number.parseInt(text, 8);
}

function writeNumber(block: Buffer, offset: number, length: number, value: number): void {
  const octal = value.toString(8).padStart(length - 1, "0");
  if (octal.length < length) {
    block.write(`${octal}\0`, offset, length, "latin1");
    return;
  }
  for (let i = length - 1, left = value; i > 0; i--, left = Math.floor(left / 256)) block[offset + i] = left % 256;
  block[offset] = 0x80;
}
