/** `minke play` with a node of its own: exit codes, messages, and a host that is as it was. */
import { execFile, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { compareInventories, type Inventory, takeInventory } from "../audit.ts";
import { busyboxTar } from "../fixtures/busybox.ts";
import { makePlace } from "../fixtures/place.ts";

const BIN = resolve(import.meta.dirname, "../../bin/minke");
const { scratch, instance } = makePlace();
const { root, state } = instance;
const env = { ...process.env, MINKE_INSTANCE: instance.name, MINKE_ROOT: root, MINKE_STATE: state };
/** The node's own files stay: images are to be found by the next play. */
const inventory = (): Promise<Inventory> => takeInventory({ instance, ignore: /./ });

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function minke(...args: string[]): Promise<Result> {
  return new Promise((done) => {
    execFile(BIN, args, { env }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? 255) : 0, stdout, stderr }),
    );
  });
}

function manifest(name: string, script: string, image = "localhost/busybox"): string {
  const container = { name: "c", image, imagePullPolicy: "IfNotPresent", command: ["sh", "-c", script] };
  const spec = { restartPolicy: "OnFailure", terminationGracePeriodSeconds: 0, containers: [container] };
  const file = join(scratch, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec }));
  return file;
}

beforeAll(async () => {
  const imported = await minke("image", "import", busyboxTar(), "localhost/busybox");
  expect(imported).toMatchObject({ code: 0 });
}, 60_000);
afterAll(async () => {
  await minke("reset", "--yes");
  rmSync(scratch, { recursive: true, force: true });
}, 60_000);

test("a Pod that ends: its output, exit code 0, and nothing on the host", async () => {
  const before = await inventory();
  expect(await minke("play", manifest("ok", "echo hello"))).toMatchObject({ code: 0, stdout: "c | hello\n" });
  expect(compareInventories(before, await inventory())).toEqual([]);
}, 60_000);

test("Ctrl-C in the middle of a crash loop and of image trouble: few lines, 130, and nothing on the host", async () => {
  const before = await inventory();
  const files = [manifest("loop", "echo boom; exit 3"), manifest("noimage", "true", "localhost/absent")];
  const child = spawn(BIN, ["play", ...files], { env });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise((done) => child.once("exit", done));
  await expect.poll(() => stderr, { timeout: 30_000 }).toMatch(/loop\/c: BackOff: .*\n/);
  await expect
    .poll(() => stderr, { timeout: 30_000 })
    .toContain('noimage/c: Failed: Failed to pull image "localhost/absent"');
  expect(compareInventories(before, await inventory())).not.toEqual([]);
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(stderr.split("\n").filter((line) => line.includes("Failed to pull")).length).toBeLessThan(4);
  expect(stderr).not.toContain("Action failed");
  expect(compareInventories(before, await inventory())).toEqual([]);
}, 90_000);
