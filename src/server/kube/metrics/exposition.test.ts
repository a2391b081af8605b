import { expect, test } from "vitest";

import { Exposition } from "./exposition.ts";

test("families, labels with what has to be escaped, times and odd values", () => {
  const page = new Exposition()
    .add("counter", "a_total", "Help.", [
      { value: 3 },
      { labels: { x: 'q"\\\n', n: 1 }, value: 0.5, atMs: 1_700_000_000_000.4 },
    ])
    .add("gauge", "none", "Help.", [])
    .add("gauge", "odd", "Help.", [{ value: Number.POSITIVE_INFINITY }, { labels: { x: "y" }, value: Number.NaN }]);
  expect(page.toString()).toBe(
    [
      "# HELP a_total Help.",
      "# TYPE a_total counter",
      "a_total 3",
      String.raw`a_total{x="q\"\\\n",n="1"} 0.5 1700000000000`,
      "# HELP odd Help.",
      "# TYPE odd gauge",
      "odd +Inf",
      'odd{x="y"} NaN',
      "",
    ].join("\n"),
  );
});

test("a histogram adds up", () => {
  const sample = { labels: { v: "GET" }, counts: [2, 0, 1], sum: 4.5, count: 5 };
  expect(new Exposition().histogram("d", "Help.", [0.1, 1, 2], [sample]).toString().split("\n").slice(2)).toEqual([
    'd_bucket{v="GET",le="0.1"} 2',
    'd_bucket{v="GET",le="1"} 2',
    'd_bucket{v="GET",le="2"} 3',
    'd_bucket{v="GET",le="+Inf"} 5',
    'd_sum{v="GET"} 4.5',
    'd_count{v="GET"} 5',
    "",
  ]);
});
