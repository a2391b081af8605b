import { expect, test } from "vitest";

import { FakeClock } from "../../../base/clock.ts";
import { RequestLimits } from "./request-limits.ts";
import { SOCKET_USER } from "./user.ts";

const ada = { name: "ada", groups: [] };
const REFUSED = expect.objectContaining({ reason: "TooManyRequests", details: { retryAfterSeconds: 1 } });

test("a user has a burst, then a rate; others are not concerned, and masters not limited", () => {
  const clock = new FakeClock();
  const limits = new RequestLimits(clock);
  for (let i = 0; i < 200; i++) limits.admit(ada, false)[Symbol.dispose]();
  expect(() => limits.admit(ada, false)).toThrow(REFUSED);
  limits.admit({ name: "eve", groups: [] }, false);
  for (let i = 0; i < 1_000; i++) limits.admit(SOCKET_USER, true);
  clock.advance(1_000);
  for (let i = 0; i < 100; i++) limits.admit(ada, false);
  expect(() => limits.admit(ada, false)).toThrow(REFUSED);
});

test("watches and sessions are counted while they are open", () => {
  const clock = new FakeClock();
  const limits = new RequestLimits(clock);
  const open = Array.from({ length: 200 }, () => limits.admit(ada, true));
  clock.advance(10_000);
  expect(() => limits.admit(ada, true)).toThrow(REFUSED);
  limits.admit(ada, false);
  open[0]![Symbol.dispose]();
  limits.admit(ada, true);
});
