import { describe, expect, test } from "vitest";

import { JoinedTasks } from "./joined-tasks.ts";

describe("JoinedTasks", () => {
  test("runs one task for all who ask while it runs, and a new one afterwards", async () => {
    const tasks = new JoinedTasks<number>();
    let runs = 0;
    const start = async (): Promise<number> => ++runs;
    expect(await Promise.all([tasks.run("a", undefined, start), tasks.run("a", undefined, start)])).toEqual([1, 1]);
    expect(await tasks.run("a", undefined, start)).toBe(2);
    expect(await tasks.run("b", undefined, start)).toBe(3);
  });

  test("aborts the task when the last one who waits has gone, and starts anew when it has ended", async () => {
    const tasks = new JoinedTasks<string>();
    const [first, second] = [new AbortController(), new AbortController()];
    const ended = Promise.withResolvers<void>();
    const log: string[] = [];
    const hang = async (signal: AbortSignal): Promise<string> => {
      log.push("start");
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      log.push("abort");
      await ended.promise;
      log.push("end");
      throw signal.reason;
    };
    const one = tasks.run("a", first.signal, hang);
    const two = tasks.run("a", second.signal, hang);
    first.abort(new Error("first"));
    await expect(one).rejects.toThrow("first");
    expect(log).toEqual(["start"]);
    second.abort(new Error("second"));
    await expect(two).rejects.toThrow("second");
    expect(log).toEqual(["start", "abort"]);
    const three = tasks.run("a", undefined, async () => (log.push("again"), "done"));
    ended.resolve();
    expect(await three).toBe("done");
    expect(log).toEqual(["start", "abort", "end", "again"]);
  });

  test("does not start for who has gone already", async () => {
    const tasks = new JoinedTasks<void>();
    await expect(tasks.run("a", AbortSignal.abort(new Error("gone")), () => expect.fail("started"))).rejects.toThrow(
      "gone",
    );
  });
});
