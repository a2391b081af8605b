/** The audit itself: it must see each kind of leak, or it proves nothing. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import { type Instance, instanceOf } from "../../src/host/instance.ts";
import { auditLeaks, compareInventories, expectSameInventory, type Inventory, takeInventory } from "../audit.ts";

const run = promisify(execFile);
let host: Host;
let folder: string;
let instance: Instance;
let before: Inventory;

beforeAll(async () => {
  host = await createHost();
  folder = await mkdtemp("/tmp/minke-audit-");
  instance = instanceOf({ instance: `audit-${process.pid}`, root: join(folder, "root"), state: join(folder, "state") });
  await mkdir(instance.root);
  await mkdir(instance.state);
  before = await takeInventory({ instance });
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function expectLeak(line: RegExp): Promise<void> {
  const differences = compareInventories(before, await takeInventory({ instance }));
  expect(differences).toContainEqual(expect.stringMatching(line));
}

test("sees a pinned namespace, its mount and its file", async () => {
  const path = join(instance.state, "ns", "net");
  await host.namespace.pin({ paths: { net: path } });
  await expectLeak(/^\+ namespace net:\[\d+\], pinned at /);
  await expectLeak(/^\+ mount .*\/ns\/net \(nsfs/);
  await host.namespace.unpin(path);
  await expectLeak(/^\+ file .*\/ns$/);
  await rmdir(join(instance.state, "ns"));
});

test("sees a cgroup", async () => {
  await host.cgroup.create(`${instance.cgroupRoot}/a`, {});
  await expectLeak(/^\+ cgroup .*\/minke-audit-\d+\/a$/);
  await host.cgroup.remove(instance.cgroupRoot);
});

test("sees a link and a firewall rule", async () => {
  await run("ip", ["link", "add", instance.bridge, "type", "bridge"]);
  const table = instance.firewall.toLowerCase();
  await run("nft", [`add table ip ${table}; add chain ip ${table} forward`]);
  await expectLeak(new RegExp(`^\\+ link ${instance.bridge}`));
  await run("nft", [`add rule ip ${table} forward iifname ${instance.bridge} accept`]);
  await expectLeak(/^\+ firewall table ip .* chain forward iifname "mk.*" accept/);
  await run("nft", [`delete table ip ${table}`]);
  await run("ip", ["link", "del", instance.bridge]);
});

test("sees a process that has left the test's process tree", async () => {
  const script = join(instance.state, "sleep.sh");
  await writeFile(script, "sleep 60\n:");
  const launcher = spawn("sh", ["-c", `setsid sh ${script} >/dev/null & echo $!`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  // Both are waited for from the beginning: which of them comes first is not known.
  const [[line]] = await Promise.all([once(launcher.stdout, "data"), once(launcher, "exit")]);
  const pid = Number(line);
  await expectLeak(/^\+ process pid \d+: sh .*sleep\.sh/);
  process.kill(-pid, "SIGKILL");
  await rm(script);
  await auditLeaks(before);
});

test("sees what is lost, and is content in the end", async () => {
  const now = await takeInventory({ instance });
  expectSameInventory(before, now);
  const lost = { ...now, items: { ...now.items, mount: new Map() } };
  const mounted = { ...now, items: { ...now.items, mount: new Map([["/m", "/m"]]) } };
  expect(() => expectSameInventory(mounted, lost)).toThrow("- mount /m");
});
