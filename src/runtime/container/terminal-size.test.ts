import { expect, test, vi } from "vitest";

import { FakeClock } from "../../base/clock.ts";
import { sizeTeller } from "./terminal-size.ts";

test("sizes wait for the terminal, keep apart, and the last one counts", async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const ready = Promise.withResolvers<void>();
  const resize = sizeTeller(clock, (width, height) => told.push(`${width}x${height}`), ready.promise);
  resize(80, 24);
  resize(81, 24);
  await Promise.resolve();
  expect(told).toEqual([]);
  ready.resolve();
  await vi.waitFor(() => expect(told).toEqual(["81x24"]));
  resize(90, 30);
  resize(99, 33);
  await Promise.resolve();
  expect(told).toEqual(["81x24"]);
  await vi.waitFor(() => expect(clock.nextDue()).toBeDefined());
  clock.advance(20);
  await vi.waitFor(() => expect(told).toEqual(["81x24", "99x33"]));
  clock.advance(20);
  await Promise.resolve();
  resize(1, 1);
  await vi.waitFor(() => expect(told.at(-1)).toBe("1x1"));
});
