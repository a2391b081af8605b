import { expect, test } from "vitest";

import { parseDuration } from "./duration.ts";

test.each([
  ["0", 0],
  ["5s", 5000],
  ["1h30m", 5_400_000],
  ["500ms", 500],
  ["1.5s", 1500],
  ["-1s", -1000],
])("parseDuration(%s)", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "s", "5 s", "1d", "1h30"])("parseDuration(%j) is refused", (text) => {
  expect(() => parseDuration(text)).toThrow(/is not a duration/);
});
