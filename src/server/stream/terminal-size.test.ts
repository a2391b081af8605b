import { expect, test } from "vitest";

import type { TerminalSize } from "./session-channels.ts";
import { TerminalSizes } from "./terminal-size.ts";

function read(...chunks: readonly string[]): TerminalSize[] {
  const seen: TerminalSize[] = [];
  const sizes = new TerminalSizes();
  sizes.listen((size) => seen.push(size));
  for (const chunk of chunks) sizes.read(Buffer.from(chunk));
  return seen;
}

test.each([
  ['{"Width":80,"Height":24}', [{ width: 80, height: 24 }]],
  ['{"Width":1,"Height":1}\n{"Width":2,"Height":3}\n', [{ width: 2, height: 3 }]],
  ['{"Width":0,"Height":24}', []],
  ['{"Width":70000,"Height":24}', []],
  ["{", []],
  ["{}", []],
  [`{"Width":1,"Height":1${" ".repeat(300)}}`, []],
])("%s", (text, sizes) => {
  expect(read(text)).toEqual(sizes);
});

test("an object may come in pieces, and rubbish is passed over", () => {
  expect(read("}{x", '}{"Width":8', '0,"Height":24}{"Wi', 'dth":1,"Height":2}', "x".repeat(1000))).toEqual([
    { width: 80, height: 24 },
    { width: 1, height: 2 },
  ]);
});

test("the last size before there was a listener is told to it", () => {
  const sizes = new TerminalSizes();
  sizes.read(Buffer.from('{"Width":1,"Height":2}'));
  sizes.read(Buffer.from('{"Width":3,"Height":4}'));
  let told: TerminalSize | undefined;
  sizes.listen((size) => (told = size));
  expect(told).toEqual({ width: 3, height: 4 });
});
