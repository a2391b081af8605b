import { expect, test } from "vitest";

import { bulkTransfer } from "./heap.ts";

const MB = 1024 * 1024;

/** Megabytes that the buffers take at most above what they took before, while 200 MB of them pass. */
function riseMb(passed: (bytes: number) => void): number {
  const before = process.memoryUsage().arrayBuffers;
  let peak = before;
  for (let i = 0; i < 800; i++) {
    passed(Buffer.allocUnsafeSlow(MB / 4).length);
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }
  return (peak - before) / MB;
}

test("what passes in a bulk transfer is collected in time; V8 alone lets it come to a hundred", () => {
  using bulk = bulkTransfer();
  using _beside = bulkTransfer();
  expect(riseMb((bytes) => bulk.passed(bytes))).toBeLessThan(30);
  expect(globalThis.gc).toBeUndefined();
});
