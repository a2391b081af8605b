/** The image commands and the SDK between a real node and a real registry: Debian's docker-registry with TLS. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { type TestNode, BUSYBOX, startTestNode } from "../fixtures/node.ts";
import { type TestRegistry, skopeoFlags, startRegistry } from "../fixtures/registry.ts";

const run = promisify(execFile);
let registry: TestRegistry;
let node: TestNode;
let scratch: string;
let archive: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "minke-image-registry-"));
  registry = await startRegistry();
  node = await startTestNode({ args: ["--registries-dir", registry.registriesDir] });
  archive = join(scratch, "busybox.tar");
  expect(await node.minke(["image", "save", BUSYBOX, "-o", archive])).toMatchObject({ code: 0 });
  await fill("team/app:1");
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** Puts an archive into a registry; the name that it has there. */
async function fill(name: string, target = registry, file = archive): Promise<string> {
  const full = `${target.address}/${name}`;
  await run("skopeo", ["copy", ...skopeoFlags(target, "dest"), `oci-archive:${file}`, `docker://${full}`]);
  return full;
}

test("image pull prints lines of progress on stderr and the image on stdout", async () => {
  const name = `${registry.address}/team/app:1`;
  const { code, stdout, stderr } = await node.minke(["image", "pull", name]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(`^${name} \\(sha256:[0-9a-f]{64}\\)\n$`) });
  expect(stderr).toMatch(/^Looking up .*team\/app:1\n(?:[0-9a-f]{12}: \w+ \(.*B\)\n)+Storing /);
  expect(stderr).not.toContain("\u001b");
  const quiet = await node.minke(["image", "pull", "-q", name]);
  expect(quiet).toEqual({ code: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/), stderr: "" });
  const raw = await node.minke(["image", "pull", "--progress=rawjson", name]);
  expect(
    raw.stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toContainEqual({
    message: `Looking up ${name}`,
  });
});

test("image pull says what it can not do, with exit code 1", async () => {
  const absent = await node.minke(["image", "pull", `${registry.address}/team/absent:1`]);
  expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining("404") });
  const platform = await node.minke(["image", "pull", "--platform=linux/s390x", `${registry.address}/team/app:1`]);
  expect(platform).toMatchObject({ code: 1, stderr: expect.stringContaining("linux/s390x") });
  const mode = await node.minke(["image", "pull", "--progress=fancy", "app"]);
  expect(mode).toMatchObject({ code: 2, stderr: expect.stringContaining("auto, plain, rawjson") });
});

test("a certificate that nobody vouches for is refused, and taken with --tls-verify=false", async () => {
  await using unknown = await startRegistry();
  // Once a file says something of it, a registry on a loopback address is as any other.
  const settings = join(registry.registriesDir, unknown.address);
  mkdirSync(settings);
  writeFileSync(join(settings, "hosts.toml"), `server = "https://${unknown.address}"\n`);
  const name = await fill("team/app:1", unknown);
  const refused = await node.minke(["image", "pull", name]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("its certificate is not to be trusted") });
  expect(await node.minke(["image", "pull", "--tls-verify=false", name])).toMatchObject({ code: 0 });
});

test("image push gives the image to a registry, under its name or another", async () => {
  const name = `${registry.address}/team/pushed:1`;
  const first = await node.minke(["image", "push", BUSYBOX, name]);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(`^${name} \\(sha256:[0-9a-f]{64}\\)\n$`) });
  await node.minke(["image", "tag", BUSYBOX, name]);
  const second = await node.minke(["image", "push", "-q", name]);
  expect(second).toMatchObject({ code: 0, stderr: "" });
  const { stdout } = await run("skopeo", ["inspect", "--tls-verify=false", "--format={{.Digest}}", `docker://${name}`]);
  expect(stdout).toBe(second.stdout);
  expect(await node.minke(["image", "push", BUSYBOX])).toMatchObject({ code: 1 });
});

test("pullSteps() tells the steps and returns the image; leaving the loop ends the pull at the node", async () => {
  const { images } = node.client;
  const big = join(scratch, "big");
  await run("dd", ["if=/dev/urandom", `of=${big}`, "bs=1M", "count=64"]);
  await run("tar", ["-cf", `${big}.tar`, "-C", scratch, "big"]);
  await node.minke(["image", "import", `${big}.tar`, "localhost/big"]);
  const bigArchive = join(scratch, "big-oci.tar");
  await node.minke(["image", "save", "localhost/big", "-o", bigArchive]);
  await node.minke(["image", "rm", "localhost/big"]);
  const name = await fill(`team/big:${randomBytes(4).toString("hex")}`, registry, bigArchive);

  for await (const step of images.pullSteps(name)) {
    if (step.layers?.some(({ state, currentBytes }) => state === "pulling" && currentBytes > 0)) break;
  }
  expect(await images.find(name)).toBeUndefined();

  const steps = images.pullSteps(name);
  const states = new Set<string>();
  let step = await steps.next();
  for (; step.done !== true; step = await steps.next())
    for (const { state } of step.value.layers ?? []) states.add(state);
  expect(step.value).toMatchObject({ repoTags: [name] });
  expect([...states]).toEqual(expect.arrayContaining(["pulling", "done"]));
  expect(await images.pull(name)).toMatchObject({ id: step.value.id });
  await images.remove(name);
});
