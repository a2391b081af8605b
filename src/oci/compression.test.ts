import { gzipSync, zstdCompressSync } from "node:zlib";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { decompress } from "./compression.ts";

async function* pieces(data: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += bytes) yield data.subarray(at, at + bytes);
}

async function plain(data: Buffer, bytes = 1000): Promise<string> {
  const { content } = await decompress(pieces(data, bytes));
  return Buffer.concat(await Array.fromAsync(content)).toString();
}

const skippable = (bytes: number): Buffer => {
  const frame = Buffer.alloc(8 + bytes, 7);
  frame.writeUInt32LE(0x184d2a53, 0);
  frame.writeUInt32LE(bytes, 4);
  return frame;
};

describe("decompress()", () => {
  test("joins the members of gzip, and the frames of zstd with what may be skipped between them", async () => {
    expect(await plain(Buffer.concat([gzipSync("one "), gzipSync("two")]))).toBe("one two");
    const frames = [
      skippable(0),
      zstdCompressSync("one "),
      skippable(9),
      zstdCompressSync(""),
      zstdCompressSync("two"),
    ];
    for (const bytes of [1, 2, 3, 7, 1000])
      expect(await plain(Buffer.concat([...frames, skippable(300)]), bytes)).toBe("one two");
  });

  test("reads frames of any content, cut anywhere", async () => {
    const content = fc.oneof(
      fc.string({ maxLength: 50 }),
      fc.integer({ min: 0, max: 400_000 }).map((n) => "ab".repeat(n)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 70_000 }),
        async (texts, bytes) => {
          expect(await plain(Buffer.concat(texts.map((text) => zstdCompressSync(text))), bytes)).toBe(texts.join(""));
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each([
    ["a frame that is cut off", Buffer.concat([zstdCompressSync("one"), zstdCompressSync("two").subarray(0, 9)])],
    ["what is no frame behind one", Buffer.concat([zstdCompressSync("one"), Buffer.from("garbage")])],
    ["a gzip member that is cut off", gzipSync("one two three").subarray(0, 20)],
  ])("throws for %s", async (_what, data) => {
    await expect(plain(data)).rejects.toThrow();
  });
});
