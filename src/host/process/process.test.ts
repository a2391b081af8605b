import { expect, test } from "vitest";

import { startTimeOf } from "./process.ts";

test.each([
  ["42 (sh) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 7777 2 3", 7777],
  ["42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 8888 2 3", 8888],
  ["nonsense", undefined],
])("startTimeOf(%j) is %j", (stat, ticks) => {
  expect(startTimeOf(stat)).toBe(ticks);
});
