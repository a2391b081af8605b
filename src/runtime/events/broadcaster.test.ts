import { expect, test } from "vitest";

import { Broadcaster, EVENTS_WAITING_MAX } from "./broadcaster.ts";

async function take<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

test("every reader gets every event from its subscription on, in order", async () => {
  const broadcaster = new Broadcaster<number>();
  broadcaster.publish(0);
  const first = broadcaster.subscribe(new AbortController().signal);
  broadcaster.publish(1);
  const second = broadcaster.subscribe(new AbortController().signal);
  broadcaster.publish(2);
  expect(await take(first, 2)).toEqual([1, 2]);
  expect(await take(second, 1)).toEqual([2]);
});

test("an event that comes while a reader waits wakes it", async () => {
  const broadcaster = new Broadcaster<string>();
  const taken = take(broadcaster.subscribe(new AbortController().signal), 1);
  await Promise.resolve();
  broadcaster.publish("late");
  expect(await taken).toEqual(["late"]);
});

test("a slow reader loses the oldest, and keeps the limit", async () => {
  const broadcaster = new Broadcaster<number>();
  const events = broadcaster.subscribe(new AbortController().signal);
  for (let n = 0; n < EVENTS_WAITING_MAX + 5; n++) broadcaster.publish(n);
  const taken = await take(events, EVENTS_WAITING_MAX);
  expect([taken[0], taken.at(-1)]).toEqual([5, EVENTS_WAITING_MAX + 4]);
});

test("aborting ends the readers, also one that has yet to begin", async () => {
  const broadcaster = new Broadcaster<number>();
  const abort = new AbortController();
  const waiting = take(broadcaster.subscribe(abort.signal), 1);
  await Promise.resolve();
  abort.abort();
  expect(await waiting).toEqual([]);
  expect(await take(broadcaster.subscribe(abort.signal), 1)).toEqual([]);
});
