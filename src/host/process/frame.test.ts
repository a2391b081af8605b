import fc from "fast-check";
import { expect, test } from "vitest";

import { encodeFrame, FrameDecoder } from "./frame.ts";

test("frames survive being cut anywhere", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const frames = fc.array(fc.array(bytes, { maxLength: 5 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(frames, fc.array(fc.nat(64), { minLength: 1, maxLength: 30 }), (sent, cuts) => {
      const wire = Buffer.concat(sent.map((fields) => encodeFrame(fields)));
      const decoder = new FrameDecoder();
      const got: Buffer[][] = [];
      for (let at = 0, i = 0; at < wire.length; i++) {
        const size = 1 + cuts[i % cuts.length]!;
        got.push(...decoder.push(wire.subarray(at, at + size)));
        at += size;
      }
      expect(got.map((fields) => fields.map((field) => [...field]))).toEqual(
        sent.map((fields) => fields.map((field) => [...field])),
      );
    }),
  );
});

test("numbers and text travel as UTF-8", () => {
  const [fields] = new FrameDecoder().push(encodeFrame([7, "grüß", ""]));
  expect(fields?.map(String)).toEqual(["7", "grüß", ""]);
});
