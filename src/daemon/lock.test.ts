import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { lockHolder, lockInstance } from "./lock.ts";

let state: string;
beforeEach(async () => void (state = await mkdtemp(join(tmpdir(), "minke-lock-"))));
afterEach(() => rm(state, { recursive: true }));

describe("the instance lock", () => {
  test("a second holder is refused with the pid of the first", async () => {
    using _lock = await lockInstance({ name: "a", state });
    await expect(lockInstance({ name: "a", state })).rejects.toThrow(
      `Cannot start a node of instance "a": process ${process.pid} already runs it`,
    );
    expect(await lockHolder({ state })).toBe(process.pid);
  });

  test("it can be had again when it is given back", async () => {
    const lock = await lockInstance({ name: "a", state });
    lock[Symbol.dispose]();
    expect(await lockHolder({ state })).toBeUndefined();
    using _again = await lockInstance({ name: "a", state });
  });

  test("of many at once one wins", async () => {
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockInstance({ name: "a", state })));
    const won = tries.filter((each) => each.status === "fulfilled");
    expect(won.length).toBe(1);
    won[0]!.value[Symbol.dispose]();
  });

  test("a holder that was killed holds nothing", async () => {
    const script = `import { lockInstance } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
globalThis.lock = await lockInstance({ name: "a", state: ${JSON.stringify(state)} });
console.log("held");
process.stdin.resume();`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "ignore"] });
    await once(child.stdout, "data");
    expect(await lockHolder({ state })).toBe(child.pid);
    child.kill("SIGKILL");
    await once(child, "exit");
    using _lock = await lockInstance({ name: "a", state });
  });
});
