import { expect, test } from "vitest";

import { frames } from "./attach.ts";

async function* chunks(...parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

function frame(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

test.each([
  [1, 600],
  [3, 600],
  [5, 70_000],
  [1000, 70_000],
  [100_000, 70_000],
])("frames come whole from pieces of %i bytes, the last of %i", async (size, last) => {
  const stream = Buffer.concat(["", "a", "hello", "x".repeat(last)].map(frame));
  const parts: Buffer[] = [];
  for (let at = 0; at < stream.length; at += size) parts.push(stream.subarray(at, at + size));
  const lengths: number[] = [];
  for await (const each of frames(chunks(...parts))) lengths.push(each.length);
  expect(lengths).toEqual([0, 1, 5, last]);
});

test("a frame that is cut off is dropped", async () => {
  const got: string[] = [];
  for await (const each of frames(chunks(frame("whole"), frame("cut off").subarray(0, 8)))) got.push(each.toString());
  expect(got).toEqual(["whole"]);
});
