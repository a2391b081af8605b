import { expect, test } from "vitest";

import { FakeClock } from "../base/clock.ts";
import { noLog } from "../base/logger.ts";
import { ImageCollector } from "./image-collector.ts";

function collectorAt(usedPercent: number, highPercent = 85, maxAgeMs = 0) {
  const clock = new FakeClock();
  const looks: number[] = [];
  const collect = async () => {
    looks.push(clock.now());
    await Promise.resolve();
    return { removed: [], usedPercent, isEnough: usedPercent <= 80 };
  };
  const inUse = async (): Promise<ReadonlySet<string>> => new Set();
  const ages = { maxAgeMs, minAgeMs: 0 };
  const options = { images: { collect }, clock, log: noLog, highPercent, lowPercent: 80, ...ages, inUse };
  return { clock, looks, collector: new ImageCollector(options) };
}

/** Lets what has been begun come to its end. */
const settled = async (): Promise<void> => await new Promise((done) => void setImmediate(done));

test("ImageCollector sets no timer while the disk has room", async () => {
  const { clock, looks, collector } = collectorAt(40);
  collector.wake();
  await settled();
  expect([looks.length, clock.nextDue()]).toEqual([1, undefined]);
});

test("ImageCollector looks again every five minutes near the threshold, until it is disposed", async () => {
  const { clock, looks, collector } = collectorAt(76);
  collector.wake();
  await settled();
  clock.advance(5 * 60_000);
  await settled();
  expect(looks.length).toBe(2);
  await collector[Symbol.asyncDispose]();
  expect(clock.nextDue()).toBeUndefined();
  collector.wake();
  await settled();
  expect(looks.length).toBe(2);
});

test("ImageCollector looks once more, and only once, for all calls that come while it looks", async () => {
  const { looks, collector } = collectorAt(40);
  for (let n = 0; n < 5; n++) collector.wake();
  await settled();
  expect(looks.length).toBe(2);
});

test("ImageCollector never looks with a threshold of 100", async () => {
  const { looks, collector } = collectorAt(99, 100);
  collector.wake();
  await settled();
  expect(looks).toEqual([]);
});

test("ImageCollector looks every five minutes when there is a maximum age, whatever the thresholds are", async () => {
  for (const highPercent of [85, 100]) {
    const { clock, looks, collector } = collectorAt(10, highPercent, 3_600_000);
    collector.wake();
    await settled();
    clock.advance(5 * 60_000);
    await settled();
    expect(looks.length).toBe(2);
    await collector[Symbol.asyncDispose]();
  }
});
