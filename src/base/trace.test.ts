import { expect, test } from "vitest";

import { FakeClock } from "./clock.ts";
import { noTrace, RingTracer } from "./trace.ts";

test("spans of a Pod in the order of their start, with what they took", () => {
  const clock = new FakeClock(1000);
  const trace = new RingTracer(clock);
  {
    using _outer = trace.span("u", "outer");
    clock.advance(5);
    using _inner = trace.span("u", "inner", "web");
    clock.advance(7);
  }
  expect(trace.spans("u")).toEqual([
    { name: "outer", startMs: 1000, durationMs: 12 },
    { name: "inner", container: "web", startMs: 1005, durationMs: 7 },
  ]);
  expect(trace.spans("other")).toEqual([]);
});

test("memory is bounded: the oldest Pods go, and one Pod's spans are cut off", () => {
  const trace = new RingTracer(new FakeClock());
  for (let pod = 0; pod < 300; pod++) trace.span(`u${pod}`, "x")[Symbol.dispose]();
  for (let i = 0; i < 600; i++) trace.span("u299", "y")[Symbol.dispose]();
  expect([trace.spans("u0").length, trace.spans("u43").length, trace.spans("u44").length]).toEqual([0, 0, 1]);
  expect(trace.spans("u299")).toHaveLength(512);
});

test("without a tracer nothing is kept", () => {
  noTrace.span("u", "x")[Symbol.dispose]();
  expect(noTrace.spans("u")).toEqual([]);
});
