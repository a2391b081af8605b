/** Images that go when the disk fills up: on a small disk of the test's own, by a clock in hand. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { FakeClock } from "../../src/base/clock.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import type { ImageService } from "../../src/runtime/image.ts";
import { createImageService } from "../../src/runtime/image/create-image-service.ts";
import { streamOf, tarOf } from "../fixtures/layer-tar.ts";
import { startRegistry, type TestRegistry } from "../fixtures/registry.ts";

const MB = 1024 * 1024;
let registry: TestRegistry;
let host: Host;
let disk: string;
let clock: FakeClock;
let service: ImageService;
const containers = new Set<string>();

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(async () => await registry[Symbol.asyncDispose]());
beforeEach(async () => {
  host = await createHost();
  disk = mkdtempSync(join(tmpdir(), "minke-collect-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=40m", "tmpfs", disk]);
  clock = new FakeClock(Date.now());
  containers.clear();
  const inUse = async (): Promise<ReadonlySet<string>> => containers;
  service = await createImageService({
    host,
    root: disk,
    log: noLog,
    clock,
    registriesDir: registry.registriesDir,
    inUse,
  });
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
  execFileSync("umount", ["--lazy", disk]);
  rmSync(disk, { recursive: true });
});

/** An image that takes 4 MB as a blob and 4 MB unpacked: a fifth of the disk. */
async function make(name: string): Promise<string> {
  const tar = await tarOf([{ name: "noise", content: randomBytes(2 * MB).toString("hex") }]);
  const { id } = await service.import(streamOf(tar), { name });
  await service.layers(id);
  clock.advance(1_000);
  return id;
}

/** The same, from a registry. */
async function add(name: string): Promise<string> {
  const full = `${registry.address}/${name}`;
  const id = await make(full);
  await service.push(full);
  await service.remove(full);
  await service.pull(full);
  await service.layers(id);
  clock.advance(1_000);
  return id;
}

const names = async (): Promise<readonly string[]> => (await service.list()).flatMap(({ repoTags }) => repoTags);
const tagged = (...all: readonly string[]): readonly string[] =>
  all.map((name) => `${registry.address}/${name}:latest`);

const AGES = { maxAgeMs: 0, minAgeMs: 2 * 60_000 };

async function collect(highPercent: number, lowPercent: number, named: readonly string[] = [], maxAgeMs = 0) {
  return await service.collect({ highPercent, lowPercent, ...AGES, maxAgeMs, inUse: async () => new Set(named) });
}

test("below the high threshold nothing goes; from it on the longest unused go, down to the low one", async () => {
  const ids: string[] = [];
  for (const name of ["a", "b", "c", "d"]) ids.push(await add(name));
  clock.advance(3 * 60_000);
  await service.layers(ids[0]!); // used again
  clock.advance(3 * 60_000);
  expect(await collect(95, 45)).toMatchObject({ removed: [], isEnough: true });
  const { removed, usedPercent, isEnough } = await collect(70, 65);
  expect({ removed, isEnough }).toEqual({ removed: tagged("b"), isEnough: true });
  expect(usedPercent).toBeLessThanOrEqual(65);
  expect(await names()).toEqual(tagged("a", "c", "d"));
  expect((await service.verify()).flatMap(({ problems }) => problems)).toEqual([]);
});

test("what a container or a Pod uses stays, and what has just come; it is told when that is not enough", async () => {
  const [a, b] = [await add("a"), await add("b")];
  await add("c");
  clock.advance(3 * 60_000);
  await add("young");
  containers.add(a);
  expect(await collect(50, 0, [b])).toMatchObject({ removed: tagged("c"), isEnough: false });
  expect(await names()).toEqual(tagged("a", "b", "young"));
});

test("a container that begins while images go keeps its own", async () => {
  const a = await add("a");
  await add("b");
  clock.advance(3 * 60_000);
  let asked = 0;
  const inUse = async (): Promise<ReadonlySet<string>> => new Set(asked++ === 0 ? [] : [a]);
  expect((await service.collect({ highPercent: 10, lowPercent: 0, ...AGES, inUse })).removed).toEqual(tagged("b"));
  expect(await names()).toEqual(tagged("a"));
});

test("what nothing has used for the maximum age goes, however empty the disk is", async () => {
  const hourMs = 3_600_000;
  const [used, named] = [await add("used"), await add("named")];
  await add("old");
  clock.advance(hourMs);
  await service.layers(used);
  expect(await collect(100, 100, [named], hourMs)).toMatchObject({ removed: tagged("old"), isEnough: true });
  clock.advance(hourMs);
  expect((await collect(100, 100, [], hourMs)).removed).toEqual([]); // none of them for longer than an hour
  clock.advance(1);
  expect((await collect(100, 100, [], 0)).removed).toEqual([]);
  expect((await collect(100, 100, [], hourMs)).removed.toSorted()).toEqual(tagged("named", "used"));
});

test("downloads that broke off a day ago go, even when there is room", async () => {
  const folder = join(disk, "images/partial");
  for (const name of ["old", "new"]) writeFileSync(join(folder, name), "part");
  const dayAgo = clock.now() / 1000 - 25 * 3_600;
  utimesSync(join(folder, "old"), dayAgo, dayAgo);
  await collect(85, 80);
  expect(readdirSync(folder)).toEqual(["new"]);
});

test("what no registry can give again stays, however full the disk is", async () => {
  await make("own");
  const id = await add("named");
  await service.tag(id, "mine");
  await add("pulled");
  clock.advance(3 * 60_000);
  expect(await collect(10, 0)).toMatchObject({ removed: tagged("pulled"), isEnough: false });
  expect((await names()).toSorted()).toEqual(
    ["localhost/mine:latest", "localhost/own:latest", ...tagged("named")].toSorted(),
  );
});
