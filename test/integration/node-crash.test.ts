/** kill -9 of the daemon: nothing is lost, started twice or leaked; exits that happened meanwhile are told right. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test } from "vitest";

import { scaled } from "../fixtures/emulated.ts";
import { allRunning, BUSYBOX, startTestNode } from "../fixtures/node.ts";
import { pidOf } from "../fixtures/pid.ts";

const forever = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
const PODS = scaled(30, 8);
const KILLS = scaled(20, 5);
/** Milliseconds within which each kill comes, from the node's start on. */
const KILL_WITHIN_MS = scaled(400, 4000);

/** Pids of the containers' first processes, found by the marker in their environment. */
function marked(marker: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const name = new RegExp(`${marker}=([^\\0]+)`).exec(environment)?.[1];
      if (name !== undefined && command.startsWith("sh\0-c\0trap")) found.push(name);
    } catch {
      // The process ended while we looked.
    }
  }
  return found.sort();
}

test(
  `${PODS} Pods, ${KILLS} times kill -9 of the daemon at random moments: ${PODS} run, none twice`,
  { timeout: scaled(300_000, 900_000) },
  async () => {
    await using node = await startTestNode();
    const names = Array.from({ length: PODS }, (_, i) => `pod-${String(i).padStart(2, "0")}`);
    const marker = `MARK_${node.instance.toUpperCase()}`;
    const create = async (name: string): Promise<void> => {
      const container = { name: "main", image: BUSYBOX, command: forever, env: [{ name: marker, value: name }] };
      // Acknowledged means durable: a call that failed because the daemon died is made again.
      for (;;) {
        try {
          await node.create(name, { terminationGracePeriodSeconds: 2, containers: [container] });
          return;
        } catch (error) {
          if (/already exists/.test(String(error))) return;
          await pause(20);
        }
      }
    };
    const creating = (async () => {
      for (const name of names) {
        await create(name);
        await pause(scaled(40, 400));
      }
    })();
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(20 + Math.random() * KILL_WITHIN_MS);
      await node.stop("SIGKILL");
      await node.start();
    }
    await creating;
    for (const name of names) {
      const pod = await node.until(name, allRunning, 60_000);
      expect(pod.status!.containerStatuses![0], name).toMatchObject({ restartCount: 0, ready: true });
    }
    expect(marked(marker)).toEqual(names);
    await Promise.all(names.map(async (name) => node.remove(name, 2)));
    expect(marked(marker)).toEqual([]);
  },
);

test("an exit while the daemon was away is found, with its code, and restarted by policy", async () => {
  await using node = await startTestNode();
  const command = ["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 3600 & wait $!; done"];
  const container = { name: "main", image: BUSYBOX, command };
  await node.create("always", { containers: [container] });
  await node.create("never", { restartPolicy: "Never", containers: [container] });
  const pids = [];
  for (const name of ["always", "never"]) pids.push(await pidOf(node, await node.until(name, allRunning), "main"));
  await node.stop("SIGKILL");
  for (const pid of pids) process.kill(pid, "SIGTERM");
  await pause(300);
  await node.start();
  const never = await node.until("never", (pod) => pod.status?.phase === "Failed");
  expect(never.status!.containerStatuses![0]).toMatchObject({
    restartCount: 0,
    state: { terminated: { exitCode: 3, reason: "Error" } },
  });
  const always = await node.until(
    "always",
    (pod) => allRunning(pod) && pod.status!.containerStatuses![0]!.restartCount === 1,
  );
  expect(always.status!.containerStatuses![0]!.lastState!.terminated).toMatchObject({ exitCode: 3, reason: "Error" });
  await Promise.all([node.remove("always", 1), node.remove("never", 1)]);
});

test("what runs is re-adopted: same process, same restart count, logs go on", async () => {
  await using node = await startTestNode();
  await node.create("steady", {
    containers: [
      {
        name: "main",
        image: BUSYBOX,
        command: ["sh", "-c", "i=0; trap 'exit 0' TERM; while :; do echo line $i; i=$((i+1)); sleep 0.1; done"],
      },
    ],
  });
  const pid = await pidOf(node, await node.until("steady", allRunning), "main");
  await node.stop("SIGKILL");
  await pause(300);
  await node.start();
  const pod = await node.until("steady", allRunning);
  expect(await pidOf(node, pod, "main")).toBe(pid);
  expect(pod.status!.containerStatuses![0]!.restartCount).toBe(0);
  const lines = (await node.minke(["logs", "steady"])).stdout.trim().split("\n");
  expect(lines).toEqual(lines.map((_, i) => `line ${i}`));
  await node.remove("steady", 1);
});

test("after a reboot Pods come back by their restart policy", async () => {
  await using node = await startTestNode();
  const container = { name: "main", image: BUSYBOX, command: forever };
  await node.create("always", { containers: [container] });
  await node.create("never", { restartPolicy: "Never", containers: [container] });
  await node.until("always", allRunning);
  await node.until("never", allRunning);
  await node.stop("SIGKILL");
  await node.reboot();
  await node.start();
  const always = await node.until(
    "always",
    (pod) => allRunning(pod) && pod.status!.containerStatuses![0]!.restartCount >= 1,
  );
  expect(always.status!.phase).toBe("Running");
  const never = await node.until("never", (pod) => pod.status?.phase === "Failed");
  expect(never.status!.containerStatuses![0]!.state!.terminated!.exitCode).toBeGreaterThan(0);
  await Promise.all([node.remove("always", 1), node.remove("never", 1)]);
});
