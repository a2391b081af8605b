/** `minke store check`, `backup` and `restore`, on a real node. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startTestNode, type TestNode } from "../fixtures/node.ts";

let node: TestNode;
beforeAll(async () => {
  node = await startTestNode();
});
afterAll(async () => node[Symbol.asyncDispose]());

const place = (): readonly string[] => ["--root", node.root];
const put = async (name: string) =>
  await node.client.configMaps("default").create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
const names = async (): Promise<readonly string[]> =>
  (await node.client.configMaps("default").list()).items.map(({ metadata }) => metadata.name!);

test("a backup of a node that is written to is whole, and takes the store's place when the node is stopped", async () => {
  const file = join(node.scratch, "backup.db");
  await put("before");
  const ended = new AbortController();
  const writing = (async () => {
    for (let i = 0; !ended.signal.aborted; i++) await put(`during-${i}`);
  })();
  expect(await node.minke(["store", "backup", file])).toMatchObject({ code: 0 });
  ended.abort();
  await writing;
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(node.root).filter((name) => name.startsWith(".backup"))).toEqual([]);
  const after = Number((await put("after")).metadata.resourceVersion);
  const checked = await node.minke(["store", "check", ...place()]);
  expect(checked).toMatchObject({ code: 0 });
  expect(checked.stdout).toMatch(/^The store is whole: \d+ objects, version \d+, /);

  const refused = await node.minke(["store", "restore", file, ...place()]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/Cannot restore the store of instance .*: process \d+ runs it; stop it first/);

  await node.stop("SIGTERM");
  expect(await node.minke(["store", "check", ...place()])).toMatchObject({ code: 0 });
  const restored = await node.minke(["store", "restore", file, ...place()]);
  expect(restored).toMatchObject({ code: 0 });
  const kept = /the old one is (\S+)/.exec(restored.stderr)?.[1] ?? "";
  expect(existsSync(kept)).toBe(true);
  await node.start();
  const now = await names();
  expect(now).toContain("before");
  expect(now).not.toContain("after");
  // Nobody who has seen the old store is told a version twice.
  expect(Number((await put("new")).metadata.resourceVersion)).toBeGreaterThan(after);
});

test("damage is found, and a damaged copy is not put in the place of a good one", async () => {
  await node.stop("SIGTERM");
  const store = join(node.root, "store.db");
  const good = readFileSync(store);
  const odd = join(node.scratch, "odd.db");
  copyFileSync(store, odd);
  const db = new DatabaseSync(odd);
  db.prepare("UPDATE objects SET body = ? WHERE name = 'before'").run(
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":3}',
  );
  db.close();
  const cut = join(node.scratch, "cut.db");
  writeFileSync(cut, good.subarray(0, good.length / 2));
  for (const file of [odd, cut, "/nonexistent"]) {
    const restored = await node.minke(["store", "restore", file, ...place()]);
    expect(restored.code, file).toBe(1);
    expect(restored.stderr, file).toMatch(/^error: Cannot (restore|open)/m);
  }
  expect(readFileSync(store).equals(good)).toBe(true);
  copyFileSync(odd, store);
  const checked = await node.minke(["store", "check", ...place()]);
  expect(checked).toMatchObject({ code: 1 });
  expect(checked.stdout).toContain("configmaps default/before: ");
  writeFileSync(store, good);
  await node.start();
});
