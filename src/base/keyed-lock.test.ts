import { expect, test } from "vitest";

import { KeyedLock } from "./keyed-lock.ts";

test("one at a time per key in order of arrival, whatever became of the one before; other keys do not wait", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const task = (name: string) => async (): Promise<string> => {
    log.push(`+${name}`);
    const gate = Promise.withResolvers<void>();
    gates.set(name, gate);
    await gate.promise;
    log.push(`-${name}`);
    return name;
  };
  const first = lock.run("a", task("1"));
  const second = lock.run("a", task("2"));
  const third = lock.run("a", task("3"));
  const other = lock.run("b", task("4"));
  expect(log).toEqual(["+1", "+4"]);
  gates.get("4")!.resolve();
  expect(await other).toBe("4");
  gates.get("1")!.reject(new Error("boom"));
  await expect(first).rejects.toThrow("boom");
  expect(log).toEqual(["+1", "+4", "-4", "+2"]);
  gates.get("2")!.resolve();
  expect(await second).toBe("2");
  gates.get("3")!.resolve();
  expect(await third).toBe("3");
  // Idle again: a task begins at once.
  const again = lock.run("a", task("5"));
  expect(log.at(-1)).toBe("+5");
  gates.get("5")!.resolve();
  await again;
});
