import { describe, expect, test } from "vitest";

import { FakeClock, rfc3339, sleep, systemClock } from "./clock.ts";

describe("the fake clock", () => {
  test("fires in order of due time, at that time, what is set on the way included", () => {
    const clock = new FakeClock(0);
    const log: string[] = [];
    const note = (name: string) => () => void log.push(`${name}@${clock.now()}`);
    clock.timer(30, note("c"));
    clock.timer(10, () => {
      note("a")();
      clock.timer(5, note("b"));
      clock.timer(-1, note("now"));
    });
    using cancelled = clock.timer(20, note("never"));
    cancelled[Symbol.dispose]();
    expect(clock.nextDue()).toBe(10);
    clock.advance(29);
    expect(log).toEqual(["a@10", "now@10", "b@15"]);
    clock.advance(1);
    expect(log.at(-1)).toBe("c@30");
    expect(clock.nextDue()).toBeUndefined();
  });
});

describe("sleep", () => {
  test("resolves when its time has come", async () => {
    const clock = new FakeClock();
    let awake = false;
    const sleeping = sleep(clock, 100).then(() => (awake = true));
    clock.advance(99);
    await Promise.resolve();
    expect(awake).toBe(false);
    clock.advance(1);
    await sleeping;
  });

  test("an abort rejects with its reason and leaves no timer", async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const sleeping = sleep(clock, 100, abort.signal);
    abort.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    expect(clock.nextDue()).toBeUndefined();
    await expect(sleep(clock, 100, abort.signal)).rejects.toThrow("enough");
    expect(clock.nextDue()).toBeUndefined();
  });
});

test("the system clock's timers fire, and not once they are disposed of", async () => {
  const fired: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  using never = systemClock.timer(0, () => fired.push("never"));
  never[Symbol.dispose]();
  // Longer than what setTimeout takes, which would fire at once.
  using late = systemClock.timer(2 ** 31 + 5, () => fired.push("late"));
  systemClock.timer(1, resolve, { keepAlive: true });
  await promise;
  late[Symbol.dispose]();
  expect(fired).toEqual([]);
});

test("times as Kubernetes writes them: whole seconds, cut", () => {
  expect(rfc3339(Date.UTC(2026, 10, 23, 12, 0, 0, 999))).toBe("2026-11-23T12:00:00Z");
});
