import { expect, test } from "vitest";

import { parseSignal } from "./signal.ts";

test.each([
  ["SIGTERM", { name: "SIGTERM", number: 15 }],
  ["term", { name: "SIGTERM", number: 15 }],
  ["9", { name: "SIGKILL", number: 9 }],
  ["SIGRTMIN", { number: 34 }],
  ["SIGRTMIN+3", { number: 37 }],
  ["RTMAX-1", { number: 63 }],
  ["37", { number: 37 }],
  ["SIGRTMIN+99", undefined],
  ["SIGRTMIN-1", undefined],
  ["0", undefined],
  ["65", undefined],
  ["", undefined],
  ["SIGNONE", undefined],
])("%s", (text, signal) => {
  expect(parseSignal(text)).toEqual(signal);
});
