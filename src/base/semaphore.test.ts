import { expect, test } from "vitest";

import { Semaphore } from "./semaphore.ts";

test("at most so many places, first come first served, and a permit gives its place back once", async () => {
  const places = new Semaphore(2);
  const log: number[] = [];
  const [one, two] = await Promise.all([places.acquire(), places.acquire()]);
  const waiting = [3, 4, 5].map(async (n) => {
    const permit = await places.acquire();
    log.push(n);
    return permit;
  });
  await Promise.resolve();
  expect(log).toEqual([]);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  const three = await waiting[0]!;
  expect(log).toEqual([3]);
  two[Symbol.dispose]();
  three[Symbol.dispose]();
  const [four, five] = await Promise.all([waiting[1]!, waiting[2]!]);
  expect(log).toEqual([3, 4, 5]);
  four[Symbol.dispose]();
  five[Symbol.dispose]();
  await Promise.all([places.acquire(), places.acquire()]);
});
