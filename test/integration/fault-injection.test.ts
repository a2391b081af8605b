/** Every external program can fail, be killed or hang, before or after its effect: the Pod runs in the end, and nothing leaks. */
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { instanceOf } from "../../src/host/instance.ts";
import { auditLeaks, type Inventory, takeInventory } from "../audit.ts";
import { type Fault, type FaultyPrograms, makeFaultyPrograms } from "../fixtures/faulty-programs.ts";
import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

/** Where a Pod's start can be cut. */
const STARTS = [
  ["bridge", "ADD"],
  ["crun", "run"],
  ["conmon", "launch"],
  ["crun", "create"],
  ["crun", "start"],
] as const;
const ERRORS: readonly Fault[] = ["fail", "killed", "fail-after", "killed-after"];
const HANGS: readonly Fault[] = ["hang", "hang-after"];

let programs: FaultyPrograms;
let node: TestNode;
let clean: Inventory;
beforeAll(async () => {
  programs = makeFaultyPrograms();
  node = await startTestNode({ args: programs.args });
  // What the first Pod makes for all, such as the bridge, is no leak.
  await create("first", "run");
  await node.until("first", allRunning);
  await gone(["first"]);
  clean = await takeInventory({
    instance: instanceOf({ instance: node.instance, root: node.root, state: node.state }),
    ignore: /\/(store\.db.*|last_reserved_ip\.\d+|lock)$/,
  });
}, 120_000);
afterAll(async () => {
  using _programs = programs;
  await node[Symbol.asyncDispose]();
}, 120_000);

/** A Pod whose one container has its name; `crun run` is only called for an init. */
async function create(name: string, verb: string): Promise<Pod> {
  return node.create(name, {
    shareProcessNamespace: verb === "run",
    terminationGracePeriodSeconds: 1,
    containers: [
      { name, image: BUSYBOX, command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"] },
    ],
  });
}

async function gone(names: readonly string[], gracePeriodSeconds?: number): Promise<void> {
  const pods = node.client.pods("default");
  await Promise.all(
    names.map(async (name) => {
      await pods.delete(name, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
      await pods.wait(name, (pod) => pod === undefined, { timeoutMs: 50_000 });
    }),
  );
}

const nameOf = (...parts: readonly string[]): string => parts.join("-").toLowerCase();

async function warnings(name: string): Promise<string> {
  const { items } = await node.client.events("default").list();
  const own = items.filter((event) => event.involvedObject.name === name && event.type === "Warning");
  return own.map(({ reason, message }) => `${reason}: ${message}`).join("\n");
}

test("an error on the way to running is told, and made good", { timeout: 60_000 }, async () => {
  const cases = STARTS.flatMap(([program, verb]) => ERRORS.map((fault) => ({ program, verb, fault })));
  const names = await Promise.all(
    cases.map(async ({ program, verb, fault }) => {
      const name = nameOf(program, verb, fault);
      programs.arm(program, verb, name, fault);
      await create(name, verb);
      await node.until(name, allRunning, 50_000);
      return name;
    }),
  );
  expect(programs.armed()).toEqual([]);
  for (const { program, verb, fault } of cases) {
    if (fault !== "fail") continue;
    expect(await warnings(nameOf(program, verb, fault))).toMatch(
      /(Failed|FailedCreatePodSandBox): .*injected failure/s,
    );
  }
  // The end of some goes wrong too: crun is asked to delete an init, and no container that has ended.
  const inits = cases.filter(({ verb }) => verb === "run");
  for (const { program, verb, fault } of inits) programs.arm("crun", "delete", nameOf(program, verb, fault), fault);
  await gone(names);
  expect(programs.armed()).toEqual([]);
  await auditLeaks(clean);
});

test("what hangs on the way to running does not hold up a delete", { timeout: 60_000 }, async () => {
  const cases = STARTS.flatMap(([program, verb]) => HANGS.map((fault) => ({ program, verb, fault })));
  const names = await Promise.all(
    cases.map(async ({ program, verb, fault }) => {
      const name = nameOf(program, verb, fault);
      programs.arm(program, verb, name, fault);
      await create(name, verb);
      return name;
    }),
  );
  await expect.poll(() => programs.armed(), { timeout: 30_000 }).toEqual([]);
  await gone(names);
  await auditLeaks(clean);
});

test("what hangs while kill -9 hits the daemon is cleared away by the next one", { timeout: 60_000 }, async () => {
  const names = await Promise.all(
    STARTS.map(async ([program, verb]) => {
      const name = nameOf(program, verb, "orphaned");
      programs.arm(program, verb, name, "hang-after");
      await create(name, verb);
      return name;
    }),
  );
  await expect.poll(() => programs.armed(), { timeout: 30_000 }).toEqual([]);
  await node.stop("SIGKILL");
  await node.start();
  for (const name of names) {
    const pod = await node.until(name, allRunning, 30_000);
    expect(pod.status!.containerStatuses![0]!.restartCount, name).toBe(0);
  }
  await gone(names);
  await auditLeaks(clean);
});

test("a Pod that heeds no TERM, deleted by force, is gone after the least grace period", async () => {
  await node.create("stubborn", {
    containers: [
      { name: "stubborn", image: BUSYBOX, command: ["sh", "-c", "trap '' TERM; while :; do sleep 1000; done"] },
    ],
  });
  await node.until("stubborn", allRunning);
  await gone(["stubborn"], 0);
  await auditLeaks(clean);
});
