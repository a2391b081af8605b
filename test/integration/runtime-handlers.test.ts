/** Another OCI runtime than the default, real runc: a container's whole life, and what a sandbox may ask for. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { Sandbox, SandboxConfig } from "../../src/runtime/runtime.ts";
import {
  collect,
  containerConfig,
  ended,
  eventually,
  logText,
  runToEnd,
  sandboxConfig,
  script,
  testRuntime,
  type TestRuntime,
} from "../fixtures/runtime.ts";

let t: TestRuntime;
beforeAll(async () => void (t = await testRuntime()));
afterAll(async () => await t[Symbol.asyncDispose]());

const SHARED = { network: "pod", pid: "pod", ipc: "pod" } as const;

function config(more: Partial<SandboxConfig> = {}): SandboxConfig {
  const own = { owner: "cri", cgroupParent: "", runtimeHandler: "runc", namespaces: SHARED } as const;
  return sandboxConfig(t.base, { ...own, ...more });
}

async function inSandbox(task: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  const sandbox = await t.runtime.runSandbox(config());
  try {
    await task(sandbox);
  } finally {
    await t.runtime.removeSandbox(sandbox.id);
  }
  expect(readdirSync(states())).toEqual([]);
}

const states = (): string => join(t.instance.state, "handlers/runc");
const SLEEP = ["sleep", "1000"] as const;

test("a handler that is not known is refused, the known ones are told", async () => {
  await expect(t.runtime.runSandbox(config({ runtimeHandler: "other" }))).rejects.toMatchObject({
    code: "InvalidArgument",
    message: expect.stringContaining('"other"; known are crun, runc'),
  });
  const { handlers } = await t.runtime.features();
  expect(handlers.find(({ name }) => name === "runc")).toMatchObject({ recursiveReadonlyMounts: true });
});

test("a container is made, started, ended and removed by it, beside one of the default's", async () => {
  await inSandbox(async (sandbox) => {
    const created = await t.runtime.createContainer(
      sandbox.id,
      script("echo $0 in $HOSTNAME; exit 7", { pidMode: "pod" }),
    );
    expect(created.state.phase).toBe("created");
    await t.runtime.startContainer(created.id);
    expect(existsSync(join(states(), created.id))).toBe(true);
    const container = await ended(t.runtime, created.id);
    expect(container.state).toMatchObject({ phase: "exited", exitCode: 7, reason: "Error" });
    expect(await logText(container)).toBe("sh in web\n");
    await t.runtime.removeContainer(created.id);
    const other = await t.runtime.runSandbox(config({ runtimeHandler: "" }));
    const { id } = await t.runtime.runContainer(other.id, containerConfig(SLEEP));
    expect(existsSync(join(t.instance.state, "crun", id))).toBe(true);
    await t.runtime.removeSandbox(other.id);
  });
});

test("exec, with and without a terminal; its kill; signals and statistics", async () => {
  await inSandbox(async (sandbox) => {
    const text = 'trap "exit 6" 35; echo up; while :; do sleep 0.05; done';
    const container = await t.runtime.runContainer(
      sandbox.id,
      script(text, { stopSignal: "SIGRTMIN+1", resources: { memoryBytes: 64 << 20, pids: 50 } }),
    );
    const { id } = container;
    const exec = async (command: [string, ...string[]], tty: boolean) =>
      collect(await t.runtime.exec(id, { command, tty, stdin: false }));
    expect(await exec(["sh", "-c", "echo out; echo err >&2; exit 3"], false)).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(await exec(["sh", "-c", "test -t 1 && echo tty"], true)).toMatchObject({ code: 0, stdout: "tty\r\n" });
    expect((await exec(["nosuchprogram"], false)).code).toBe(127);
    expect((await exec(["/etc/passwd"], false)).code).toBe(126);
    const runs = async (command: string) => (await exec(["ps"], false)).stdout.includes(command);
    const long = await t.runtime.exec(id, { command: ["sleep", "4321"], tty: false, stdin: false });
    await eventually(async () => await runs("sleep 4321"));
    long.close();
    await eventually(async () => !(await runs("sleep 4321")));
    expect((await t.runtime.stats({ id }))[0]).toMatchObject({ memoryLimitBytes: 64 << 20, pidsLimit: 50 });
    await t.runtime.updateContainerResources(id, { memoryBytes: 96 << 20 });
    expect((await t.runtime.stats({ id }))[0]).toMatchObject({ memoryLimitBytes: 96 << 20 });
    await t.runtime.stopContainer(id, 30_000);
    expect((await t.runtime.container(id))?.state).toMatchObject({ exitCode: 6 });
  });
});

test("a kill for memory is told, with a limit of 15 MiB too", async () => {
  await inSandbox(async (sandbox) => {
    const bytes = 15 * 1024 * 1024;
    const resources = { memoryBytes: bytes, memorySwapBytes: bytes };
    const eat = script("dd if=/dev/zero of=/dev/null bs=20M", { resources, pidMode: "pod" });
    expect(await runToEnd(t, sandbox, eat)).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  });
});

test.each([
  ["is not there", ["/no/such/program"]],
  ["is not in PATH", ["nosuchprogram"]],
  ["may not be executed", ["/etc/passwd"]],
])("a command that %s fails at its start, with 128", async (_why, command) => {
  await inSandbox(async (sandbox) => {
    const { id } = await t.runtime.createContainer(sandbox.id, containerConfig(command));
    await expect(t.runtime.startContainer(id)).rejects.toMatchObject({
      reason: "StartError",
      message: expect.stringContaining(command[0]!),
    });
    expect((await t.runtime.container(id))?.state).toMatchObject({ exitCode: 128, reason: "StartError" });
  });
});

test("a mount that can not be made is told in its own words", async () => {
  await inSandbox(async (sandbox) => {
    const mount = {
      containerPath: "/etc/passwd/x",
      hostPath: t.base,
      readonly: false,
      propagation: "private",
    } as const;
    const running = t.runtime.runContainer(sandbox.id, script("true", { mounts: [mount] }));
    await expect(running).rejects.toMatchObject({
      reason: "StartError",
      message: expect.stringMatching(/\/etc\/passwd\/x.*not a directory/),
    });
  });
});

test("a restart of the daemon finds its containers, and starts what waits", async () => {
  await inSandbox(async (sandbox) => {
    const runs = await t.runtime.runContainer(sandbox.id, containerConfig(SLEEP));
    const named = { metadata: { name: "waits", attempt: 0 } };
    const waits = await t.runtime.createContainer(sandbox.id, containerConfig(SLEEP, named));
    const restarted = await t.restart();
    expect((await restarted.container(runs.id))?.state.phase).toBe("running");
    expect((await restarted.startContainer(waits.id)).state.phase).toBe("running");
    await t.runtime.stopContainer(runs.id, 0);
  });
});
