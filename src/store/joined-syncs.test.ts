import { expect, test } from "vitest";

import { JoinedSyncs } from "./joined-syncs.ts";

/** Syncs that end when told to, and writes by version. */
function held() {
  const running: PromiseWithResolvers<void>[] = [];
  let version = 0;
  const syncs = new JoinedSyncs(
    async () => {
      const sync = Promise.withResolvers<void>();
      running.push(sync);
      await sync.promise;
    },
    () => version,
  );
  return { syncs, running, write: () => syncs.join(++version), join: () => syncs.join(version) };
}

test("who writes while one is under way shares the next one, who wrote before shares this one", async () => {
  const { running, write, join } = held();
  const order: string[] = [];
  const note = (name: string, joined: Promise<void>): Promise<void> => joined.then(() => void order.push(name));
  const first = [note("a", write()), note("a again", join())];
  const second = [note("b", write()), note("c", write())];
  expect(running).toHaveLength(1);
  running[0]!.resolve();
  await Promise.all(first);
  await expect.poll(() => running.length).toBe(2);
  expect(order).toEqual(["a", "a again"]);
  running[1]!.resolve();
  await Promise.all(second);
  expect(running).toHaveLength(2);
});

test("never two at a time, also when somebody comes just as one ends", async () => {
  const { running, write } = held();
  void write();
  const second = write();
  const third = running[0]!.promise.then(() => write());
  running[0]!.resolve();
  await expect.poll(() => running.length).toBe(2);
  running[1]!.resolve();
  await second;
  running[2]?.resolve();
  await third;
});

test("after a sync that failed none is good any more", async () => {
  const { running, write, join } = held();
  const [first, second] = [write(), write()];
  running[0]!.reject(new Error("EIO"));
  await expect(first).rejects.toThrow("EIO");
  await expect(second).rejects.toThrow("EIO");
  await expect(write()).rejects.toThrow("EIO");
  await expect(join()).rejects.toThrow("EIO");
  expect(running).toHaveLength(1);
});
