import { once } from "node:events";
import { constants, createDeflate, createInflate } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { DICTIONARY } from "./dictionary.ts";
import { MalformedFrame, synReply } from "./frame.ts";
import { HEADER_BLOCK_BYTES_MAX, HeaderReader, parseHeaders } from "./header-block.ts";

const uint32 = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
const text = (value: string): Buffer => Buffer.concat([uint32(value.length), Buffer.from(value, "latin1")]);
const plain = (entries: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat([uint32(entries.length), ...entries.flat().map(text)]);

/** A client's compression context. */
function compressor(): (block: Buffer) => Promise<Buffer> {
  const deflate = createDeflate({ dictionary: DICTIONARY, flush: constants.Z_SYNC_FLUSH });
  return async (block) => {
    const chunks: Buffer[] = [];
    const collect = (chunk: Buffer): void => void chunks.push(chunk);
    deflate.on("data", collect);
    await new Promise((resolve) => deflate.write(block, resolve));
    deflate.off("data", collect);
    return Buffer.concat(chunks);
  };
}

const name = fc.stringMatching(/^[a-z-]{1,20}$/);
const value = fc.stringMatching(/^[ -~]{0,40}$/);
const lists = fc.array(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 8 }), {
  maxLength: 5,
});

test("the headers of many frames pass through one context", async () => {
  await fc.assert(
    fc.asyncProperty(lists, async (blocks) => {
      const [compress, reader] = [compressor(), new HeaderReader()];
      for (const entries of blocks) {
        expect([...(await reader.read(await compress(plain(entries))))]).toEqual(entries);
      }
      reader.close();
    }),
    { numRuns: 50 },
  );
});

test("what Kubernetes' client sends is read", async () => {
  const reader = new HeaderReader();
  // SYN_STREAM frames of kubectl 1.27 (exec), behind their ten bytes of stream id, parent, priority and slot.
  const blocks = [
    "78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff",
    "c22ac5565c92925f5a02000000ffff",
    "c229975a5404000000ffff",
  ];
  const seen: unknown[] = [];
  for (const block of blocks) seen.push(Object.fromEntries(await reader.read(Buffer.from(block, "hex"))));
  expect(seen).toEqual([{ streamtype: "error" }, { streamtype: "stdout" }, { streamtype: "stderr" }]);
});

test("the replies' blocks are empty lists for a decompressor with SPDY's dictionary", async () => {
  const inflate = createInflate({ dictionary: DICTIONARY });
  const chunks: Buffer[] = [];
  inflate.on("data", (chunk: Buffer) => chunks.push(chunk));
  for (const first of [true, false, false]) inflate.write(synReply(1, first).subarray(12));
  while (Buffer.concat(chunks).length < 12) await once(inflate, "data");
  expect(Buffer.concat(chunks)).toEqual(Buffer.alloc(12));
});

describe("malformed", () => {
  test("a block that grows beyond the limit", async () => {
    const bomb = await compressor()(Buffer.alloc(20 * HEADER_BLOCK_BYTES_MAX));
    expect(bomb.length).toBeLessThan(16 * 1024);
    await expect(new HeaderReader().read(bomb)).rejects.toThrow(/more than 65536 bytes/);
  });

  test.each([
    ["no zlib stream", Buffer.from("hello")],
    ["another dictionary", Buffer.from("78f900000001", "hex")],
  ])("%s", async (_name, block) => {
    await expect(new HeaderReader().read(block)).rejects.toThrow(MalformedFrame);
  });

  test("a second block behind the end of the stream", async () => {
    const reader = new HeaderReader();
    const read = reader.read(createEnded()).then(() => reader.read(Buffer.from("00", "hex")));
    await expect(read).rejects.toThrow(MalformedFrame);
  });

  test("closing gives up the block that is being read", async () => {
    const reader = new HeaderReader();
    const read = reader.read(await compressor()(plain([["a", "b"]])));
    reader.close();
    await expect(read).rejects.toThrow();
  });

  test.each([
    [
      "a name twice",
      plain([
        ["a", "1"],
        ["a", "2"],
      ]),
    ],
    ["no name", plain([["", "1"]])],
    ["a count that is too large", Buffer.concat([uint32(2), text("a"), text("1")])],
    ["a length that is too large", Buffer.concat([uint32(1), uint32(0xffffffff), Buffer.from("a")])],
    ["bytes behind the list", Buffer.concat([plain([]), Buffer.from("a")])],
    ["nothing", Buffer.alloc(0)],
  ])("%s", (_name, block) => {
    expect(() => parseHeaders(block)).toThrow(MalformedFrame);
  });

  test("any bytes are headers or malformed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          parseHeaders(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame);
        }
      }),
    );
  });
});

/** An empty list as a whole zlib stream, with its end: stored and final. */
function createEnded(): Buffer {
  return Buffer.from("78bbe3c6a7c2010400fbff0000000000040001", "hex");
}
