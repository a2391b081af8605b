/** What a daemon that was killed leaves, and what the next one makes of it. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { sleep, systemClock } from "../../src/base/clock.ts";
import { createConmon, type Launched } from "../../src/oci/conmon.ts";
import { createCrun } from "../../src/oci/crun.ts";
import { TEST_CGROUP_DRIVER } from "../fixtures/cgroup-driver.ts";
import { scaled } from "../fixtures/emulated.ts";
import { simulateReboot } from "../fixtures/reboot.ts";
import {
  containerConfig,
  eventually,
  KUBELET_CONTAINER,
  kubeletSandbox,
  sandboxConfig,
  testRuntime,
  type TestRuntime,
} from "../fixtures/runtime.ts";

let t: TestRuntime;
let child: ChildProcess | undefined;
beforeEach(async () => void (t = await testRuntime()));
afterEach(async () => {
  child?.kill("SIGKILL");
  await t[Symbol.asyncDispose]();
});

/** What a child tells that does as it is told. Under emulation V8 itself crashes now and then: then another one does it. */
async function inChild<T>(command: string): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tellOfChild<T>(command);
    } catch (error) {
      if (attempt === scaled(1, 4)) throw error;
      const runtime = await t.restart();
      for (const { id } of await runtime.sandboxes()) await runtime.removeSandbox(id);
    }
  }
}

async function tellOfChild<T>(command: string): Promise<T> {
  const program = join(import.meta.dirname, "../fixtures/runtime-child.ts");
  child = spawn(process.execPath, [program, t.instance.name, t.base, command], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`The child ended with ${code ?? signal} before it told anything`);
  });
  const [line] = (await Promise.race([once(createInterface(child.stdout!), "line"), ended])) as [string];
  ended.catch(() => {});
  return JSON.parse(line) as T;
}

async function killChild(): Promise<void> {
  const gone = once(child!, "exit");
  child!.kill("SIGKILL");
  await gone;
}

interface Pod {
  readonly sandbox: string;
  readonly lives: string;
  readonly ends: string;
  readonly waits: string;
}

describe("after kill -9 of the daemon", () => {
  test("what lives is adopted, what ended meanwhile has its code and time, what waits can be started", async () => {
    const pod = await inChild<Pod>("pod");
    await killChild();
    const killedMs = systemClock.now();
    await eventually(() => existsSync(join(t.instance.state, "exits", pod.ends)) || undefined);
    const runtime = await t.restart();

    expect((await runtime.sandbox(pod.sandbox))?.state).toBe("ready");
    expect((await runtime.container(pod.lives))?.state.phase).toBe("running");
    const ends = await runtime.container(pod.ends);
    expect(ends?.state).toMatchObject({ phase: "exited", exitCode: 9, reason: "Error" });
    if (ends?.state.phase !== "exited") throw new Error("unreachable");
    expect(Math.abs(ends.state.finishedMs - killedMs)).toBeLessThan(10_000);
    expect(ends.state.finishedMs).toBeGreaterThan(ends.state.startedMs);
    expect((await runtime.startContainer(pod.waits)).state.phase).toBe("running");
    const sandbox = await runtime.sandbox(pod.sandbox);
    await expect(runtime.runSandbox(sandbox!.config)).rejects.toMatchObject({ code: "AlreadyExists" });
    await runtime.stopContainer(pod.lives, 0);
    expect((await runtime.container(pod.lives))?.state).toMatchObject({ exitCode: 137 });
    await runtime.removeSandbox(pod.sandbox);
    expect(await runtime.containers()).toEqual([]);
  });

  test("at any moment, no half-made thing is left", async () => {
    for (let round = 0; round < scaled(5, 3); round++) {
      const { sandbox } = await inChild<{ sandbox: string }>("churn");
      await sleep(systemClock, scaled(7 + 23 * round, 300 * round));
      await killChild();
      const runtime = await t.restart();
      for (const each of await runtime.sandboxes()) {
        for (const container of await runtime.containers({ sandboxId: each.id })) {
          expect(["created", "running", "exited"]).toContain(container.state.phase);
        }
        await runtime.removeSandbox(each.id);
      }
      expect(await runtime.sandbox(sandbox)).toBeUndefined();
      for (const folder of ["ns", "containers", "sandboxes", "crun", "exits"]) {
        expect(readdirSync(join(t.instance.state, folder)), folder).toEqual([]);
      }
      expect(await t.host.cgroup.processes(t.host.cgroup.placeOf(t.instance.cgroupRoot))).toEqual([]);
    }
  });
});

test("a kubelet's calls, cut at any moment, succeed when they are made again, and leave nothing", async () => {
  for (let round = 0; round < scaled(8, 3); round++) {
    await inChild<{ sandbox: string }>("kubelet");
    await sleep(systemClock, scaled(11 + 37 * round, 300 * round));
    await killChild();
    const runtime = await t.restart();
    for (const { id } of await runtime.sandboxes({ owner: "cri" })) await runtime.removeSandbox(id);
    const { id } = await runtime.runSandbox(kubeletSandbox(t.base));
    const container = await runtime.createContainer(id, containerConfig(["sleep", "1000"], KUBELET_CONTAINER));
    expect((await runtime.startContainer(container.id)).state.phase).toBe("running");
    await runtime.removeSandbox(id);
    for (const folder of ["ns", "containers", "sandboxes", "crun", "exits"]) {
      expect(readdirSync(join(t.instance.state, folder)), `${folder} in round ${round}`).toEqual([]);
    }
    expect(await t.host.cgroup.children(t.host.cgroup.placeOf(t.instance.cgroupRoot))).toEqual([]);
  }
});

test("a start that was cut short is done again, and one that was completed behind our back is not", async () => {
  const sandbox = await t.runtime.runSandbox(sandboxConfig(t.base));
  const create = async (name: string) =>
    (
      await t.runtime.createContainer(
        sandbox.id,
        containerConfig(["sleep", "1000"], { metadata: { name, attempt: 0 }, logPath: `${name}.log` }),
      )
    ).id;
  const [unwritten, cut, late] = [await create("unwritten"), await create("cut"), await create("late")];
  await launchOnly(unwritten);
  const started = await launchOnly(cut);
  writeStarted(cut, started);
  const completed = await launchOnly(late);
  writeStarted(late, completed);

  const runtime = await t.restart();
  for (const id of [unwritten, cut, late]) expect((await runtime.container(id))?.state).toEqual({ phase: "created" });
  execFileSync("crun", ["--root", join(t.instance.state, "crun"), "start", late]);
  for (const id of [unwritten, cut, late]) expect((await runtime.startContainer(id)).state.phase).toBe("running");
  expect((await runtime.container(cut))?.state).toMatchObject({ pid: started.pid });
  expect((await runtime.container(late))?.state).toMatchObject({ pid: completed.pid });
  await runtime.removeSandbox(sandbox.id);
});

/** As far as a daemon came that was killed in the middle of a start. */
async function launchOnly(id: string): Promise<Launched> {
  const cgroups = { cgroupDriver: TEST_CGROUP_DRIVER, scopePrefix: t.instance.cgroupRoot };
  const root = join(t.instance.state, "crun");
  const crun = createCrun({ host: t.host, root, binary: "/usr/bin/crun", ...cgroups });
  const exitDir = join(t.instance.state, "exits");
  const conmon = createConmon({ host: t.host, crun, binary: "/usr/bin/conmon", exitDir });
  const bundle = join(t.instance.state, "containers", id);
  return conmon.launch({ id, name: id, bundle, logPath: "", terminal: false, stdin: false, leaveStdinOpen: false });
}

/** As it is written before crun lets the process run. */
function writeStarted(id: string, { pid, conmonPid }: Launched): void {
  const ref = (of: number) => ({ pid: of, startTime: t.host.process.startTime(of) });
  const path = join(t.instance.root, "containers", id, "container.json");
  const { data, ...rest } = JSON.parse(readFileSync(path, "utf8")) as { data: object };
  writeFileSync(
    path,
    JSON.stringify({ ...rest, data: { ...data, process: ref(pid), conmon: ref(conmonPid), startedMs: 1 } }),
  );
}

test("a container whose monitor died is ended", async () => {
  const sandbox = await t.runtime.runSandbox(sandboxConfig(t.base));
  const { id } = await t.runtime.runContainer(sandbox.id, containerConfig(["sleep", "1000"]));
  process.kill(Number(readFileSync(join(t.instance.state, "containers", id, "conmon.pid"), "utf8")), "SIGKILL");
  const state = await eventually(async () => {
    const now = (await t.runtime.container(id))?.state;
    return now?.phase === "exited" ? now : undefined;
  });
  expect(state).toMatchObject({ exitCode: 137, reason: "Error", message: expect.stringContaining("conmon") });
  await t.runtime.removeSandbox(sandbox.id);
});

test("after a reboot what ran is exited 255, and its sandbox is notready", async () => {
  const sandbox = await t.runtime.runSandbox(sandboxConfig(t.base));
  const ran = await t.runtime.runContainer(sandbox.id, containerConfig(["sleep", "1000"]));
  const done = await t.runtime.runContainer(
    sandbox.id,
    containerConfig(["false"], { metadata: { name: "done", attempt: 0 } }),
  );
  await eventually(async () => (await t.runtime.container(done.id))?.state.phase === "exited" || undefined);
  await t.runtime[Symbol.asyncDispose]();
  await simulateReboot(t.instance.name, t.instance.state);

  const runtime = await t.restart();
  expect((await runtime.sandbox(sandbox.id))?.state).toBe("notready");
  expect((await runtime.container(ran.id))?.state).toMatchObject({ exitCode: 255, reason: "Unknown" });
  expect((await runtime.container(done.id))?.state).toMatchObject({ exitCode: 1, reason: "Error" });
  expect(existsSync(join(t.instance.root, "containers", ran.id, "upper"))).toBe(true);
  await runtime.removeSandbox(sandbox.id);
  await eventually(() => !existsSync(join(t.instance.root, "containers", ran.id)) || undefined);
});

test("broken checkpoints hinder nothing, and what they told of is removed", async () => {
  const healthy = await t.runtime.runSandbox(sandboxConfig(t.base));
  const kept = await t.runtime.runContainer(healthy.id, containerConfig(["sleep", "1000"]));
  const lost = await t.runtime.runContainer(
    healthy.id,
    containerConfig(["sleep", "1000"], { metadata: { name: "b", attempt: 0 } }),
  );
  const broken = await t.runtime.runSandbox(sandboxConfig(t.base));
  await t.runtime.runContainer(broken.id, containerConfig(["sleep", "1000"]));
  truncateSync(join(t.instance.root, "sandboxes", `${broken.id}.json`), 10);
  rmSync(join(t.instance.root, "containers", lost.id, "container.json"));

  const runtime = await t.restart();
  expect((await runtime.sandboxes()).map((each) => each.id)).toEqual([healthy.id]);
  expect((await runtime.containers()).map((each) => each.id)).toEqual([kept.id]);
  expect((await runtime.container(kept.id))?.state.phase).toBe("running");
  expect(await t.host.cgroup.exists(broken.cgroupPath)).toBe(false);
  expect(readdirSync(join(t.instance.state, "ns"))).toEqual([healthy.id]);
  expect(readdirSync(join(t.instance.state, "crun"))).toEqual([kept.id]);
});
