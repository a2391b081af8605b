import { beforeEach, expect, test, vi } from "vitest";

import type { Event } from "../../../api/gen/types.ts";
import { FakeClock, rfc3339 } from "../../../base/clock.ts";
import { noLog } from "../../../base/logger.ts";
import { createMemoryStore } from "../../../store/memory.ts";
import type { Store } from "../../../store/store.ts";
import { EventExpiry } from "./event-expiry.ts";

const HOUR = 3_600_000;
let store: Store;
let clock: FakeClock;
beforeEach(() => {
  store = createMemoryStore();
  clock = new FakeClock();
});

const start = (ttlMs = HOUR): EventExpiry => new EventExpiry({ store, clock, log: noLog, ttlMs });
const names = (): (string | undefined)[] => store.list("events").items.map(({ metadata }) => metadata.name);
const event = (name: string, fields: Partial<Event> = {}): Event =>
  ({ apiVersion: "v1", kind: "Event", metadata: { name, namespace: "default" }, ...fields }) as Event;

test("an event ends an hour after its last write; nothing is waited for when there is none", () => {
  using _expiry = start();
  expect(clock.nextDue()).toBeUndefined();
  store.create("events", event("once"));
  store.create("events", event("again"));
  clock.advance(HOUR / 2);
  store.update("events", event("again", { count: 2 }));
  clock.advance(HOUR / 2);
  expect(names()).toEqual(["again"]);
  clock.advance(HOUR / 2);
  expect(names()).toEqual([]);
  expect(clock.nextDue()).toBeUndefined();
});

test("after a restart the times in an event count, but not those of the future", () => {
  const at = (ms: number): string => rfc3339(clock.now() + ms);
  store.create("events", event("old", { lastTimestamp: at(-2 * HOUR) }));
  store.create(
    "events",
    event("series", { eventTime: at(-2 * HOUR), series: { lastObservedTime: at(-HOUR / 2) } } as never),
  );
  store.create("events", event("future", { lastTimestamp: at(9 * HOUR) }));
  store.create("events", event("timeless"));
  using _expiry = start();
  clock.advance(0);
  expect(names()).toEqual(["future", "series"]);
  clock.advance(HOUR / 2 + 10_000);
  expect(names()).toEqual(["future"]);
  clock.advance(HOUR);
  expect(names()).toEqual([]);
});

test("thousands that are due at once go in many turns, and those that come one by one in few", () => {
  for (let i = 0; i < 1_000; i++) store.create("events", event(`e${i}`));
  const timers = vi.spyOn(clock, "timer");
  using _expiry = start();
  clock.advance(0);
  expect(names()).toEqual([]);
  expect(timers).toHaveBeenCalledTimes(5);
  for (let i = 0; i < 100; i++) {
    store.create("events", event(`e${i}`));
    clock.advance(100);
  }
  clock.advance(HOUR - 10_000 - 1);
  expect(names()).toHaveLength(100);
  clock.advance(1);
  expect(names()).toHaveLength(99);
  expect(clock.nextDue()! - clock.now()).toBe(10_000);
  clock.advance(10_000);
  expect(names()).toEqual([]);
});

test("a store that can not be written is tried again", () => {
  store.create("events", event("e", { lastTimestamp: rfc3339(clock.now() - 2 * HOUR) }));
  const working = store.delete.bind(store);
  store.delete = () => {
    throw new Error("the disk is full");
  };
  using _expiry = start();
  clock.advance(1);
  expect(names()).toEqual(["e"]);
  store.delete = working;
  clock.advance(10_000);
  expect(names()).toEqual([]);
});

test("0 keeps them for ever", () => {
  store.create("events", event("e"));
  using _expiry = start(0);
  expect(clock.nextDue()).toBeUndefined();
});
