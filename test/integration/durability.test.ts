/** What the API tells while a write is still on its way to the disk: nothing. Over a journal whose disk is in the test's hand. */
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Journal } from "../../src/store/journal.ts";
import { MinkeError } from "../../src/base/errors.ts";
import { VersionedStore } from "../../src/store/versioned-store.ts";
import { startTestApi, type TestApi } from "../fixtures/api-server.ts";

/** The syncs that are under way. */
let disk: PromiseWithResolvers<void>[];
let api: TestApi;

beforeEach(async () => {
  disk = [];
  let isHeld = false;
  const journal: Journal = {
    version: 0,
    compacted: 0,
    load: () => [],
    commit: () => {},
    sync: async () => {
      if (!isHeld) return;
      const trip = Promise.withResolvers<void>();
      disk.push(trip);
      await trip.promise;
    },
    backup: async () => {},
    after: () => [],
    [Symbol.dispose]: () => {},
  };
  api = await startTestApi({ store: new VersionedStore(journal) });
  await api.call(MAPS); // What the server writes at its start is there.
  isHeld = true;
});
afterEach(async () => {
  for (const trip of disk) trip.resolve();
  await api[Symbol.asyncDispose]();
});

const MAPS = "/api/v1/namespaces/default/configmaps";
const create = (name: string) => api.call(MAPS, { method: "POST", body: { metadata: { name } } });

test("no answer, no list and no event before the write is on the disk; all who wait share one trip to it", async () => {
  const watch = await api.watch(`${MAPS}?watch=true&resourceVersion=${api.store.version()}`);
  const told: string[] = [];
  const tell = async (what: string, work: Promise<unknown>): Promise<void> => {
    await work;
    told.push(what);
  };
  const event = watch.next();
  const all = [tell("answer", create("a")), tell("event", event)];
  await expect.poll(() => disk.length).toBe(1);
  all.push(tell("second answer", create("b")), tell("list", api.call(MAPS)), tell("conflict", create("a")));
  await expect.poll(() => api.store.list("configmaps").items.length).toBe(2);
  // A leaf that nobody writes answers at once, so the others have had their time.
  expect((await api.call("/version")).code).toBe(200);
  expect(told).toEqual([]);
  disk[0]!.resolve();
  expect((await event).object.metadata["name"]).toBe("a");
  await all[0];
  await expect.poll(() => disk.length).toBe(2);
  expect(told.toSorted()).toEqual(["answer", "event"]);
  disk[1]!.resolve();
  await Promise.all(all);
  expect((await watch.next()).object.metadata["name"]).toBe("b");
  expect(disk).toHaveLength(2);
  watch.response.destroy();
});

test("what need not survive a power cut is told at once", async () => {
  const lease = { method: "POST", body: { metadata: { name: "l" } } };
  expect((await api.call("/apis/coordination.k8s.io/v1/namespaces/default/leases", lease)).code).toBe(201);
  expect(disk).toEqual([]);
});

test("a disk that does not keep what was written: writers are told so, watchers are cut off", async () => {
  const watch = await api.watch(`${MAPS}?watch=true&resourceVersion=${api.store.version()}`);
  const cut = expect(watch.next()).rejects.toThrow();
  const answer = create("a");
  await expect.poll(() => disk.length).toBe(1);
  disk[0]!.reject(new MinkeError("Unavailable", "Cannot make the disk keep what was written"));
  await cut;
  const message = "Cannot make the disk keep what was written";
  expect(await answer).toMatchObject({ code: 503, json: { reason: "ServiceUnavailable", message } });
  expect((await create("b")).code).toBe(503);
});
