/** One-time secrets in URLs, each for a request that its owner comes back for. Kubernetes: cri-streaming request_cache.go. */
import type { Clock } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import { newToken } from "../../base/ids.ts";

/** Tokens that are given out and not used. */
export const TOKENS_MAX = 1000;
/** How long a token can be used, in milliseconds. */
export const TOKEN_LIFETIME_MS = 60_000;

export class UrlTokens<T> {
  readonly #clock: Clock;
  /** In the order of their end, as all live equally long. */
  readonly #tokens = new Map<string, { readonly request: T; readonly endMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `ResourceExhausted` while too many are in flight. */
  issue(request: T): string {
    this.#expire();
    if (this.#tokens.size >= TOKENS_MAX) {
      throw new MinkeError(
        "ResourceExhausted",
        `Cannot prepare a stream: ${TOKENS_MAX} requests wait for their client already; try again in a minute`,
      );
    }
    const token = newToken();
    this.#tokens.set(token, { request, endMs: this.#clock.monotonic() + TOKEN_LIFETIME_MS });
    return token;
  }

  /** The token's request, once; undefined for one that is unknown, used or too old. */
  take(token: string): T | undefined {
    this.#expire();
    const found = this.#tokens.get(token);
    this.#tokens.delete(token);
    return found?.request;
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [token, { endMs }] of this.#tokens) {
      if (endMs > now) return;
      this.#tokens.delete(token);
    }
  }
}
