import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { lockHolder, lockInstance } from "./lock.ts";

let state: string;
beforeEach(async () => void (state = await mkdtemp(join(tmpdir(), "minke-lock-"))));
afterEach(() => rm(state, { recursive: true }));

/** A socket file that nobody listens on, as a killed daemon leaves it. */
async function leaveDeadLock(): Promise<void> {
  const path = join(state, "lock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(state, "x"), resolve));
  const { link } = await import("node:fs/promises");
  await link(join(state, "x"), path);
  await new Promise((resolve) => server.close(resolve));
  expect(existsSync(path)).toBe(true);
}

describe("the instance lock", () => {
  test("a second holder is refused with the pid of the first", async () => {
    await using _lock = await lockInstance({ name: "a", state });
    await expect(lockInstance({ name: "a", state })).rejects.toThrow(
      `Cannot start a node of instance "a": process ${process.pid} already runs it`,
    );
    expect(await lockHolder({ state })).toBe(process.pid);
  });

  test("it can be had again when it is given back", async () => {
    const lock = await lockInstance({ name: "a", state });
    await lock[Symbol.asyncDispose]();
    expect(await lockHolder({ state })).toBeUndefined();
    await using _again = await lockInstance({ name: "a", state });
  });

  test("of many at once over a dead lock one wins", async () => {
    await leaveDeadLock();
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockInstance({ name: "a", state })));
    const won = tries.filter((each) => each.status === "fulfilled");
    expect(won.length).toBe(1);
    await won[0]!.value[Symbol.asyncDispose]();
    expect(existsSync(join(state, "lock"))).toBe(false);
  });
});
