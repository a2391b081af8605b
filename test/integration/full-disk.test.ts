/** The disk of the node's root fills up while Pods run: errors are clear, nothing acknowledged is lost, and room mends all. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Pod, PodSpec } from "../../src/api/gen/types.ts";
import { errnoOf } from "../../src/base/errors.ts";
import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

const DISK_MIB = 64;
let disk: string;
let node: TestNode;
beforeAll(async () => {
  disk = mkdtempSync(join(tmpdir(), "minke-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", disk]);
  node = await startTestNode({ root: join(disk, "root") });
}, 120_000);
afterAll(async () => {
  try {
    makeRoom();
    await node[Symbol.asyncDispose]();
  } finally {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true });
  }
}, 120_000);

const ballast = (): string => join(disk, "ballast");

/** Writes until the kernel refuses a single byte. */
function fill(): void {
  const file = openSync(ballast(), "a");
  try {
    for (let bytes = 1 << 20; bytes >= 1;) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch (error) {
        if (errnoOf(error) !== "ENOSPC") throw error;
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

function makeRoom(): void {
  rmSync(ballast(), { force: true });
}

const script = (text: string, more: Partial<PodSpec> = {}): PodSpec => ({
  terminationGracePeriodSeconds: 1,
  containers: [{ name: "main", image: BUSYBOX, command: ["sh", "-c", text] }],
  ...more,
});
const forever = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";

test("writes are refused with the reason and the remedy; what was acknowledged is there; room mends it", async () => {
  const acknowledged: string[] = [];
  fill();
  let refusal: unknown;
  // The log of the store has room of its own for a while.
  for (let i = 0; refusal === undefined && i < 3000; i++) {
    const name = `config-${i}`;
    try {
      const data = { text: "x".repeat(10_000) };
      await node.client.configMaps("default").create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
      acknowledged.push(name);
    } catch (error) {
      refusal = error;
    }
  }
  expect(String(refusal)).toMatch(/disk is full; free some/);
  expect(refusal).toMatchObject({ details: expect.anything() });
  // Reading goes on.
  expect((await node.client.configMaps("default").list()).items.length).toBeGreaterThanOrEqual(acknowledged.length);
  await node.stop("SIGKILL");
  makeRoom();
  await node.start();
  const { items } = await node.client.configMaps("default").list();
  const names = new Set(items.map(({ metadata }) => metadata.name));
  expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
  for (const name of acknowledged) await node.client.configMaps("default").delete(name);
  await node.create("after", script(forever));
  await node.until("after", allRunning);
  await node.remove("after");
});

test("a container that ends and one that is to start while the disk is full: told and done once there is room", async () => {
  await node.create("ends", script("sleep 1; exit 3", { restartPolicy: "Never" }));
  await node.create("steady", script(forever));
  await node.until("ends", allRunning);
  await node.until("steady", allRunning);
  fill();
  const log = node.log();
  await new Promise((resolve) => setTimeout(resolve, 2500));
  makeRoom();
  const ended = await node.until("ends", (pod) => pod.status?.phase === "Failed");
  expect(ended.status!.containerStatuses![0]!.state!.terminated).toMatchObject({ exitCode: 3, reason: "Error" });
  const { items } = await node.client.pods("default").list();
  expect(items.find(({ metadata }) => metadata.name === "steady")!.status!.containerStatuses![0]).toMatchObject({
    restartCount: 0,
    ready: true,
  });
  expect(node.log().slice(log.length)).not.toMatch(/"level":"fatal"|uncaught/i);
  fill();
  const created = await node.create("starts", script(forever)).catch((error: unknown) => String(error));
  if (typeof created === "string") expect(created).toMatch(/disk is full; free some/);
  makeRoom();
  if (typeof created === "string") await node.create("starts", script(forever));
  await node.until("starts", allRunning);
  for (const name of ["ends", "steady", "starts"]) await node.remove(name);
});

test("a Pod that fills its emptyDir sees the error itself, and deleting it gives the room back", async () => {
  // What it says would be lost with its log, which is on the same disk.
  const pod = script(`dd if=/dev/zero of=/data/big bs=1M 2>/words/said; ${forever}`);
  await node.create("greedy", {
    ...pod,
    volumes: [
      { name: "data", emptyDir: {} },
      { name: "words", emptyDir: { medium: "Memory" } },
    ],
    containers: [
      {
        ...pod.containers[0]!,
        volumeMounts: [
          { name: "data", mountPath: "/data" },
          { name: "words", mountPath: "/words" },
        ],
      },
    ],
  });
  await node.until("greedy", allRunning);
  await expect
    .poll(async () => (await node.minke(["exec", "greedy", "--", "cat", "/words/said"])).stdout, { timeout: 20_000 })
    .toMatch(/No space left/);
  await node.until("greedy", allRunning);
  await deleted("greedy");
  expect(free()).toBeGreaterThan(8 << 20);
});

test("logs that fill the disk: the container runs on, and its logs go on once there is room", async () => {
  await node.create(
    "chatty",
    script("trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"),
  );
  await node.until("chatty", allRunning);
  fill();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  makeRoom();
  const lines = async (): Promise<number> => (await node.minke(["logs", "chatty"])).stdout.split("\n").length;
  const before = await lines();
  await expect.poll(lines, { timeout: 10_000 }).toBeGreaterThan(before + 5);
  const pod = (await node.client.pods("default").list()).items[0] as Pod;
  expect(pod.status!.containerStatuses![0]!.restartCount).toBe(0);
  await node.remove("chatty");
});

/** Deletes a Pod on a full disk: the call may be refused, until there is room for it. */
async function deleted(name: string): Promise<void> {
  const answer = await node.client
    .pods("default")
    .delete(name)
    .then(() => "", String);
  if (answer !== "") {
    expect(answer).toMatch(/disk is full; free some/);
    execFileSync("mount", ["-o", `remount,size=${DISK_MIB + 4}m`, disk]);
    await node.client.pods("default").delete(name);
  }
  await node.client.pods("default").wait(name, (pod) => pod === undefined, { timeoutMs: 30_000 });
  execFileSync("mount", ["-o", `remount,size=${DISK_MIB}m`, disk]);
}

function free(): number {
  return (
    Number(execFileSync("stat", ["-f", "-c", "%a", disk])) * Number(execFileSync("stat", ["-f", "-c", "%S", disk]))
  );
}
