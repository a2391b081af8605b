import { describe, expect, test } from "vitest";

import { Backoff } from "./backoff.ts";

const S = 1000;
/** A container that crashes at once, again and again: when each of its restarts is made, in seconds after its first end. */
function restarts(backoff: Backoff, count: number): number[] {
  const made: number[] = [];
  let ended = 0;
  for (let i = 0; i < count; i++) {
    const at = ended + backoff.waitMs("a", ended, ended);
    backoff.next("a", ended, at);
    made.push(at / S);
    ended = at;
  }
  return made;
}

describe("the kubelet's rules", () => {
  test("the first restart at once, then 10 s, doubling to 300 s", () => {
    expect(restarts(new Backoff(), 9)).toEqual([0, 10, 30, 70, 150, 310, 610, 910, 1210]);
  });

  test("the wait counts from the end, and is over when it has passed", () => {
    const backoff = new Backoff();
    backoff.next("a", 0, 0);
    expect([0, 4, 10, 99].map((second) => backoff.waitMs("a", 0, second * S))).toEqual([10 * S, 6 * S, 0, 0]);
  });

  test.each([
    ["an end 600 s after the last restart does not reset", 600, 10],
    ["an end later than that does", 601, 0],
  ])("%s", (_what, ranS, waitS) => {
    const backoff = new Backoff();
    backoff.next("a", 0, 300 * S); // the restart was made long after the end it followed
    const ended = (300 + ranS) * S;
    expect(backoff.waitMs("a", ended, ended)).toBe(waitS * S);
    backoff.next("a", ended, ended);
    expect(backoff.delayOf("a")).toBe(waitS === 0 ? 10 * S : 20 * S);
  });

  test("keys know nothing of each other; reset and forget", () => {
    const backoff = new Backoff();
    for (const key of ["u1/a", "u1/b", "u2/a"]) backoff.next(key, 0, 0);
    backoff.reset("u2/a");
    expect(["u1/a", "u2/a"].map((key) => backoff.delayOf(key))).toEqual([10 * S, 0]);
    backoff.forget("u1/");
    expect(["u1/a", "u1/b"].map((key) => backoff.delayOf(key))).toEqual([0, 0]);
  });
});

describe("a table that was lost", () => {
  test.each([
    [0, 10],
    [9.9, 10],
    [10.2, 20],
    [39, 40],
    [160.5, 300],
    [300.1, 300],
    [599, 300],
    [86_400, 10],
  ])("a restart that came after %d s: the next waits %d s", (waitedS, delayS) => {
    const backoff = new Backoff();
    backoff.restore("a", waitedS * S, 0);
    expect(backoff.delayOf("a")).toBe(delayS * S);
  });
});
