import { expect, test } from "vitest";
import { FakeClock } from "./clock.ts";
import { noLog } from "./logger.ts";
import { WorkQueue } from "./work-queue.ts";

const turn = async (): Promise<void> => Promise.resolve();

test("a key that is added several times is worked on once", async () => {
  const done: string[] = [];
  using queue = new WorkQueue({ name: "t", clock: new FakeClock(), log: noLog, work: (key) => void done.push(key) });
  queue.add("a");
  queue.add("b");
  queue.add("a");
  expect(done).toEqual([]);
  await turn();
  expect(done).toEqual(["a", "b"]);
});

test("what is added by the work has its turn later", async () => {
  const done: string[] = [];
  const clock = new FakeClock();
  using queue = new WorkQueue({
    name: "t",
    clock,
    log: noLog,
    work: (key) => {
      done.push(key);
      if (done.length < 3) queue.add(key);
    },
  });
  queue.add("a");
  for (let turns = 0; turns < 5; turns++) await turn();
  expect(done).toEqual(["a", "a", "a"]);
});

test("what fails is tried again, later each time, until it is well", async () => {
  const clock = new FakeClock();
  const at: number[] = [];
  using queue = new WorkQueue({
    name: "t",
    clock,
    log: noLog,
    work: () => {
      at.push(clock.now());
      if (at.length < 4) throw new Error("not yet");
    },
  });
  const start = clock.now();
  queue.add("a");
  await turn();
  for (let seconds = 0; seconds < 20; seconds++) {
    clock.advance(1_000);
    await turn();
  }
  expect(at.map((time) => time - start)).toEqual([0, 1_000, 3_000, 7_000]);
  expect(clock.nextDue()).toBeUndefined();
});

test("nothing runs after its end", async () => {
  const done: string[] = [];
  const queue = new WorkQueue({ name: "t", clock: new FakeClock(), log: noLog, work: (key) => void done.push(key) });
  queue.add("a");
  queue[Symbol.dispose]();
  queue.add("b");
  await turn();
  expect(done).toEqual([]);
});
