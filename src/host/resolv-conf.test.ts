import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { podResolvConf } from "./resolv-conf.ts";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "minke-resolv-"))));
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ["a server that Pods can reach", "nameserver 192.0.2.1\n", "nameserver 192.0.2.9\n", "own"],
  [
    "only systemd-resolved's own address",
    "nameserver 127.0.0.53\noptions edns0\n",
    "nameserver 192.0.2.9\n",
    "resolved",
  ],
  ["loopback, and nothing better", "nameserver 127.0.0.1\nnameserver ::1\n", "", "own"],
  ["no server at all", "search example.org\n", "nameserver 192.0.2.9\n", "own"],
])("%s", async (_what, own, resolved, expected) => {
  const files = { own: join(folder, "own"), resolved: join(folder, "resolved") };
  await writeFile(files.own, own);
  await writeFile(files.resolved, resolved);
  expect(await podResolvConf(files)).toBe(join(folder, expected));
});
