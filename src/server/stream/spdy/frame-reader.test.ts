import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { CONTROL_FRAME_BYTES_MAX, dataHead, goAway, MalformedFrame, ping, rstStream, windowUpdate } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";

/** What came of the chunks: frames, with the pieces of each data frame put together. */
function readAll(chunks: readonly Buffer[]): unknown[] {
  const reader = new FrameReader();
  const frames: unknown[] = [];
  for (const chunk of chunks) {
    for (const frame of reader.read(chunk)) {
      if (frame.kind === "control") frames.push({ kind: "control", type: frame.type, payload: frame.payload });
      else frames.push({ kind: "data", id: frame.streamId, payload: frame.payload, fin: frame.fin });
    }
  }
  return frames;
}

/** Cuts `bytes` behind each of the offsets. */
function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const ends = [...new Set(offsets.map((offset) => offset % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index]));
}

const control = fc.oneof(
  fc.nat(1000).map((id) => ({ wire: ping(id), type: 6 })),
  fc.nat(1000).map((id) => ({ wire: rstStream(id, 5), type: 3 })),
  fc.nat(1000).map((id) => ({ wire: goAway(id, 0), type: 7 })),
  fc.nat(1000).map((id) => ({ wire: windowUpdate(id, 9), type: 9 })),
);
const data = fc.record({
  id: fc.integer({ min: 1, max: 99 }),
  payload: fc.uint8Array({ maxLength: 300 }),
  fin: fc.boolean(),
});

describe("frames come out as they went in, wherever the bytes are cut", () => {
  test("control frames", () => {
    fc.assert(
      fc.property(fc.array(control), fc.array(fc.nat(2000)), (frames, offsets) => {
        const seen = readAll(cut(Buffer.concat(frames.map(({ wire }) => wire)), offsets));
        expect(seen).toEqual(frames.map(({ wire, type }) => ({ kind: "control", type, payload: wire.subarray(8) })));
      }),
    );
  });

  test("data: the same bytes per stream, in order, and the end behind the last", () => {
    fc.assert(
      fc.property(fc.array(data), fc.array(fc.nat(5000)), (frames, offsets) => {
        const wire = frames.flatMap(({ id, payload, fin }) => [
          dataHead(id, payload.length, fin),
          Buffer.from(payload),
        ]);
        const pieces = readAll(cut(Buffer.concat(wire), offsets)) as { id: number; payload: Buffer; fin: boolean }[];
        const story = (list: readonly { id: number; payload: Uint8Array; fin: boolean }[]): string[] =>
          list.flatMap(({ id, payload, fin }) => [
            ...[...payload].map((byte) => `${id}:${byte}`),
            ...(fin ? [`${id}:end`] : []),
          ]);
        expect(story(pieces)).toEqual(story(frames));
      }),
    );
  });
});

test("a data frame of 16 MiB is passed on as it comes", () => {
  const reader = new FrameReader();
  expect([...reader.read(dataHead(1, 0xffffff, true))]).toEqual([]);
  for (let left = 0xffffff; left > 0;) {
    const chunk = Buffer.alloc(Math.min(left, 0xffff));
    left -= chunk.length;
    const [piece, ...more] = reader.read(chunk);
    expect(more).toEqual([]);
    expect(piece).toMatchObject({ kind: "data", streamId: 1, fin: left === 0 });
    expect(piece!.payload.length).toBe(chunk.length);
  }
});

describe("malformed", () => {
  test.each([
    ["another version", Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1])],
    ["data for stream 0", dataHead(0, 1, false)],
    [
      "a control frame that is too long",
      Buffer.concat([Buffer.from([0x80, 3, 0, 1]), size(CONTROL_FRAME_BYTES_MAX + 1)]),
    ],
  ])("%s", (_name, wire) => {
    expect(() => readAll([wire])).toThrow(MalformedFrame);
  });

  test("any bytes are frames, or malformed, or the beginning of a frame", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        try {
          readAll(chunks.map((chunk) => Buffer.from(chunk)));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedFrame);
        }
      }),
    );
  });
});

function size(bytes: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(bytes);
  return field;
}
