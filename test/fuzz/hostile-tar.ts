/**
 * Arbitrary tar archives, most of them nearly well-formed: entries of every type with names that climb, links that lead out,
 * numbers that lie, extended headers of all dialects; then, for some, damage to the bytes. Written with a header writer of its
 * own, so that a mistake of the code under test is not made here too.
 */
import fc from "fast-check";
import { gzipSync, zstdCompressSync } from "node:zlib";

const BLOCK = 512;

/** Stands for the absolute path of a folder that the archive tries to reach; see {@link hostileTar}. */
const OUTSIDE = "$OUTSIDE";

interface RawEntry {
  readonly name: string;
  readonly linkName: string;
  readonly type: string;
  readonly body: Buffer;
  /** What the header says about the body's size; undefined: the truth. */
  readonly claimed: string | undefined;
  readonly mode: string;
  readonly owner: string;
  readonly magic: string;
  readonly prefix: string;
  readonly device: string;
  readonly records: readonly (readonly [string, string])[] | undefined;
  readonly globalRecords: boolean;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
  readonly isChecksumWrong: boolean;
}

const part = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "b", "c", "d") },
  { weight: 3, arbitrary: fc.constantFrom(".", "", "up", "canary", "file") },
  { weight: 3, arbitrary: fc.constantFrom(".wh.a", ".wh.b", ".wh..wh..opq", ".wh..wh.plnk") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(".wh.", ".wh..", ".wh...", "é", "\xff\xfe", "\n", "\\", "-x", "n".repeat(300)),
  },
);
/** A path that may well be accepted; {@link path} is one that need not be. */
const plainPath = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const path = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(fc.oneof({ weight: 6, arbitrary: part }, { weight: 1, arbitrary: fc.constant("..") }), {
        minLength: 1,
        maxLength: 4,
      })
      .map((parts) => parts.join("/")),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(OUTSIDE, `${OUTSIDE}/file`, `${OUTSIDE}/new`, "../canary/file", "../../canary"),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("/", "", ".", "./", "..", "a/", "a/b/", "//a", "../", "/..", "a/../b", "a\0b"),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 700 }).map((n) => "x/".repeat(n)) },
);
const number = fc.oneof(
  { weight: 60, arbitrary: fc.nat(0o7777).map((n) => n.toString(8).padStart(7, "0")) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "        ", "7777777", "-1", "9", "zz", "\x80\0\0\0\0\0\0\x05", "\xff".repeat(8)),
  },
);
const claim = fc.constantFrom(
  "00000000000",
  "00000000001",
  "00000001000",
  "77777777777",
  "\x80\0\0\0\0\0\0\0\0\0\x02\0",
  "\x80\0\0\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
  "\xff".repeat(12),
  "x",
);
const recordKey = fc.constantFrom(
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "mtime",
  "atime",
  "comment",
  "hdrcharset",
  "GNU.sparse.major",
  "GNU.sparse.name",
  "GNU.sparse.map",
  "GNU.sparse.realsize",
  "SCHILY.realsize",
  "SCHILY.xattr.user.a",
  "SCHILY.xattr.trusted.overlay.redirect",
  "SCHILY.xattr.trusted.overlay.opaque",
  "SCHILY.xattr.security.capability",
  "SCHILY.acl.access",
  "RHT.security.selinux",
);
const recordValue = fc.oneof(
  path,
  fc.constantFrom(
    "0",
    "1",
    "-1",
    "1.5",
    "512",
    "999999999999999",
    "9999999999999999",
    "1e9",
    "",
    "y",
    "\n5 a=b\n",
    "\0",
  ),
);

const entry: fc.Arbitrary<RawEntry> = fc.record({
  name: fc.oneof({ weight: 30, arbitrary: plainPath }, { weight: 1, arbitrary: path }),
  linkName: fc.oneof({ weight: 1, arbitrary: plainPath }, { weight: 2, arbitrary: path }),
  type: fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom("0", "0", "0", "0", "1", "2", "2", "2", "5", "5") },
    { weight: 8, arbitrary: fc.constantFrom("3", "4", "6", "7", "\0") },
    { weight: 1, arbitrary: fc.constantFrom("S", "D", "M", "V", "A", "9", "x", "g", "L", "K", "N", "X") },
  ),
  body: fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constantFrom(511, 512, 513, 3000).map((n) => Buffer.alloc(n, 0x61)) },
  ),
  claimed: rarely(claim, 40),
  mode: number,
  owner: number,
  magic: fc.constantFrom("ustar\x0000", "ustar  \0", ""),
  prefix: rarely(path, 20).map((text) => text ?? ""),
  device: number,
  records: rarely(fc.array(fc.tuple(recordKey, recordValue), { maxLength: 4 }), 8),
  globalRecords: fc.boolean(),
  longName: rarely(path, 16),
  longLink: rarely(path, 16),
  isChecksumWrong: rarely(fc.constant(true), 200).map((is) => is === true),
});

/** What happens to the bytes of an archive on its way. `at` and `to` are parts of its length. */
const damage = fc.record({
  kind: fc.constantFrom("flip", "cut", "drop-block", "repeat-block", "insert", "zero-block"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  value: fc.nat(255),
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

export interface HostileTar {
  /** The archive, with its attempts at `outside`. */
  readonly blob: (outside: string) => Buffer;
  /** Bytes of each piece in which it comes. */
  readonly pieceBytes: number;
}

export const hostileTar: fc.Arbitrary<HostileTar> = fc
  .record({
    entries: fc.array(entry, { minLength: 1, maxLength: 10 }),
    damages: rarely(fc.array(damage, { minLength: 1, maxLength: 3 }), 5),
    compression: fc.constantFrom("none", "none", "none", "gzip", "gzip-members", "zstd"),
    damagesAfter: rarely(fc.array(damage, { minLength: 1, maxLength: 2 }), 10),
    hasEndMark: rarely(fc.constant(false), 10),
    pieceBytes: fc.constantFrom(1, 7, 511, 512, 513, 1024, 65_536),
  })
  .map(({ entries, damages, compression, damagesAfter, hasEndMark, pieceBytes }) => ({
    pieceBytes,
    blob: (outside: string) => {
      const end = Buffer.alloc(hasEndMark === false ? 0 : 2 * BLOCK);
      const tar = damaged(Buffer.concat([...entries.flatMap((one) => encode(one, outside)), end]), damages);
      return damaged(compress(tar, compression), damagesAfter);
    },
    toString: () => JSON.stringify({ entries, damages, compression, damagesAfter, hasEndMark, pieceBytes }),
  }));

function rarely<T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

function compress(tar: Buffer, compression: string): Buffer {
  switch (compression) {
    case "gzip":
      return gzipSync(tar);
    case "gzip-members":
      return Buffer.concat([gzipSync(tar.subarray(0, tar.length / 2)), gzipSync(tar.subarray(tar.length / 2))]);
    case "zstd":
      return zstdCompressSync(tar);
    default:
      return tar;
  }
}

function encode(raw: RawEntry, outside: string): Buffer[] {
  const real = (text: string): string => text.replaceAll(OUTSIDE, outside);
  const out: Buffer[] = [];
  if (raw.records) {
    const body = Buffer.concat(raw.records.map(([key, value]) => record(key, real(value))));
    out.push(...whole(plainHeader("pax", raw.globalRecords && raw.records.length > 2 ? "g" : "x", body.length), body));
  }
  for (const [type, text] of [
    ["L", raw.longName],
    ["K", raw.longLink],
  ] as const) {
    if (text === undefined) continue;
    const body = Buffer.from(`${real(text)}\0`, "latin1");
    out.push(...whole(plainHeader("././@LongLink", type, body.length), body));
  }
  const size = raw.claimed ?? raw.body.length.toString(8).padStart(11, "0");
  const fields = { ...raw, name: real(raw.name), linkName: real(raw.linkName), prefix: real(raw.prefix), size };
  const hasBody = !"123456".includes(raw.type);
  out.push(
    ...whole(header(hasBody ? fields : { ...fields, size: raw.claimed ?? "0" }), hasBody ? raw.body : Buffer.alloc(0)),
  );
  return out;
}

function whole(head: Buffer, body: Buffer): Buffer[] {
  return [head, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)];
}

function record(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.from(`${length}${rest}`, "latin1");
}

function plainHeader(name: string, type: string, size: number): Buffer {
  const mode = "0000644";
  const fields = { linkName: "", mode, owner: mode, device: mode, magic: "ustar\x0000", prefix: "" };
  return header({ ...fields, name, type, size: size.toString(8).padStart(11, "0"), isChecksumWrong: false });
}

type HeaderFields = Omit<RawEntry, "body" | "claimed" | "records" | "globalRecords" | "longName" | "longLink"> & {
  readonly size: string;
};

function header(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (text: string, at: number, length: number): void => void block.write(text, at, length, "latin1");
  put(fields.name, 0, 100);
  put(fields.mode, 100, 8);
  put(fields.owner, 108, 8);
  put(fields.owner, 116, 8);
  put(fields.size, 124, 12);
  put("14371573000", 136, 12);
  put(fields.type, 156, 1);
  put(fields.linkName, 157, 100);
  put(fields.magic, 257, 8);
  put(fields.device, 329, 8);
  put(fields.device, 337, 8);
  if (fields.magic !== "") put(fields.prefix, 345, 155);
  put(" ".repeat(8), 148, 8);
  const sum = block.reduce((total, byte) => total + byte, fields.isChecksumWrong ? 1 : 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8);
  return block;
}

function damaged(data: Buffer, damages: readonly Damage[] | undefined): Buffer {
  let out = data;
  for (const { kind, at, value } of damages ?? []) {
    const byte = Math.min(out.length - 1, Math.floor(at * out.length));
    const block = Math.floor(byte / BLOCK) * BLOCK;
    const [before, one, after] = [
      out.subarray(0, block),
      out.subarray(block, block + BLOCK),
      out.subarray(block + BLOCK),
    ];
    if (out.length === 0) return out;
    if (kind === "cut") out = out.subarray(0, byte);
    else if (kind === "drop-block") out = Buffer.concat([before, after]);
    else if (kind === "repeat-block") out = Buffer.concat([before, one, one, after]);
    else if (kind === "zero-block") out = Buffer.concat([before, Buffer.alloc(one.length), after]);
    else if (kind === "insert") out = Buffer.concat([out.subarray(0, byte), Buffer.of(value), out.subarray(byte)]);
    else {
      out = Buffer.from(out);
      out[byte] = value;
    }
  }
  return out;
}
