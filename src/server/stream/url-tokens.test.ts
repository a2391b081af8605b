import { expect, test } from "vitest";

import { FakeClock } from "../../base/clock.ts";
import { TOKEN_LIFETIME_MS, TOKENS_MAX, UrlTokens } from "./url-tokens.ts";

test("a token is good once, for a minute, and for its own request", () => {
  const clock = new FakeClock();
  const tokens = new UrlTokens<string>(clock);
  const [first, second, third] = [tokens.issue("first"), tokens.issue("second"), tokens.issue("third")];
  expect(Buffer.from(first, "base64url").length).toBeGreaterThanOrEqual(16);
  expect(tokens.take(first)).toBe("first");
  expect(tokens.take(first)).toBeUndefined();
  clock.advance(TOKEN_LIFETIME_MS - 1);
  expect(tokens.take(second)).toBe("second");
  clock.advance(1);
  expect(tokens.take(third)).toBeUndefined();
  expect(tokens.take("other")).toBeUndefined();
});

test("only so many are in flight", () => {
  const clock = new FakeClock();
  const tokens = new UrlTokens<number>(clock);
  const issued = Array.from({ length: TOKENS_MAX }, (_, index) => tokens.issue(index));
  expect(() => tokens.issue(0)).toThrow(expect.objectContaining({ code: "ResourceExhausted" }));
  tokens.take(issued[7]!);
  tokens.issue(0);
  expect(() => tokens.issue(0)).toThrow(/1000 requests wait/);
  clock.advance(TOKEN_LIFETIME_MS);
  tokens.issue(0);
});
