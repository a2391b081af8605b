import { expect, test } from "vitest";

import { exitCodeOf } from "./channels.ts";

test("exitCodeOf() reads the last Status of a session", () => {
  expect(exitCodeOf('{"metadata":{},"status":"Success"}')).toBe(0);
  const causes = [{ reason: "ExitCode", message: "42" }];
  expect(exitCodeOf(JSON.stringify({ status: "Failure", reason: "NonZeroExitCode", details: { causes } }))).toBe(42);
  expect(() => exitCodeOf('{"status":"Failure","reason":"InternalError","message":"no such command"}')).toThrow(
    "no such command",
  );
});
