import { expect, test } from "vitest";

import { FakeClock } from "../../../base/clock.ts";
import { CpuRates } from "./cpu-rates.ts";

test("CPU time per second, from look to look", () => {
  const clock = new FakeClock();
  const rates = new CpuRates(clock);
  expect(rates.observe("a", 1e9)).toBeUndefined();
  clock.advance(2000);
  expect(rates.observe("a", 2e9)).toBe(5e8);
  clock.advance(10);
  expect(rates.observe("a", 9e9)).toBe(5e8);
  clock.advance(990);
  // It was made anew: its counter began again.
  expect(rates.observe("a", 0)).toBe(0);
  clock.advance(3_600_000);
  rates.observe("b", 0);
  expect(rates.observe("a", 5e9)).toBeUndefined();
});
