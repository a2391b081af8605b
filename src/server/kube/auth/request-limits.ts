/**
 * How much one user may ask of the server, so that a program in a Pod can not take it from everybody else. Whoever is in
 * `system:masters` is not limited. Kubernetes: staging/src/k8s.io/apiserver/pkg/server/filters/maxinflight.go.
 */
import type { Clock } from "../../../base/clock.ts";
import { MinkeError } from "../../../base/errors.ts";
import { isMaster, type User } from "./user.ts";

/** Requests of one user per second, on average, and how many at once after a pause. */
const RATE_PER_SECOND = 100;
const BURST = 200;
/** Watches, logs that are followed and sessions in containers of one user at a time. */
const LONG_RUNNING_MAX = 200;
/** Users that are remembered; the one who asked longest ago is forgotten. */
const USERS_MAX = 10_000;

interface Usage {
  /** Requests that may come now. */
  left: number;
  atMs: number;
  longRunning: number;
}

export class RequestLimits {
  readonly #clock: Clock;
  readonly #users = new Map<string, Usage>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a request until it is disposed of. Throws 429, with the seconds to wait, when it is one too many. */
  admit(user: User, isLongRunning: boolean): Disposable {
    if (isMaster(user)) return { [Symbol.dispose]: () => {} };
    const usage = this.#usageOf(user.name);
    if (usage.left < 1) throw tooMany("Too many requests, please try again later.");
    if (isLongRunning && usage.longRunning >= LONG_RUNNING_MAX) {
      throw tooMany(`Too many requests: ${LONG_RUNNING_MAX} watches and sessions are open; end some first.`);
    }
    usage.left--;
    if (!isLongRunning) return { [Symbol.dispose]: () => {} };
    usage.longRunning++;
    return { [Symbol.dispose]: () => void usage.longRunning-- };
  }

  #usageOf(name: string): Usage {
    const now = this.#clock.monotonic();
    const usage = this.#users.get(name) ?? { left: BURST, atMs: now, longRunning: 0 };
    usage.left = Math.min(BURST, usage.left + ((now - usage.atMs) / 1000) * RATE_PER_SECOND);
    usage.atMs = now;
    // Behind all others in the map's order.
    this.#users.delete(name);
    this.#users.set(name, usage);
    if (this.#users.size > USERS_MAX) this.#users.delete(this.#users.keys().next().value!);
    return usage;
  }
}

function tooMany(message: string): MinkeError {
  return new MinkeError("ResourceExhausted", message, {
    reason: "TooManyRequests",
    details: { retryAfterSeconds: 1 },
  });
}
