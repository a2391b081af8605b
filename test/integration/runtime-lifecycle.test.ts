/** Sandboxes and containers through their lives, on the real kernel. Every file ends with the leak audit. */
import { existsSync, readFileSync, readlinkSync, renameSync, statSync } from "node:fs";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Container, Sandbox } from "../../src/runtime/runtime.ts";
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

/** Runs a test in a sandbox of its own. */
async function inSandbox(
  task: (sandbox: Sandbox) => Promise<void>,
  more: Parameters<typeof sandboxConfig>[1] = {},
): Promise<void> {
  const sandbox = await t.runtime.runSandbox(sandboxConfig(t.base, more));
  try {
    await task(sandbox);
  } finally {
    await t.runtime.removeSandbox(sandbox.id);
  }
}

function pidOf(container: Container | undefined): number {
  if (container?.state.phase !== "running") throw new Error(`it is ${container?.state.phase}`);
  return container.state.pid;
}

describe("a sandbox", () => {
  test("goes from ready to notready to gone, and its name can be used again", async () => {
    const config = sandboxConfig(t.base);
    const sandbox = await t.runtime.runSandbox(config);
    expect(sandbox.state).toBe("ready");
    expect(sandbox.ips[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    await expect(t.runtime.runSandbox(config)).rejects.toMatchObject({ code: "AlreadyExists" });
    await t.runtime.stopSandbox(sandbox.id);
    await t.runtime.stopSandbox(sandbox.id);
    expect((await t.runtime.sandbox(sandbox.id))?.state).toBe("notready");
    await expect(t.runtime.createContainer(sandbox.id, script("true"))).rejects.toMatchObject({
      code: "FailedPrecondition",
    });
    await t.runtime.removeSandbox(sandbox.id);
    expect(await t.runtime.sandbox(sandbox.id)).toBeUndefined();
    const again = await t.runtime.runSandbox(config);
    await t.runtime.removeSandbox(again.id);
    await t.runtime.removeSandbox(again.id);
  });

  test("that fails half way leaves nothing, and its name is free", async () => {
    const config = sandboxConfig(t.base, { sysctls: { "net.no.such.thing": "1" } });
    await expect(t.runtime.runSandbox(config)).rejects.toMatchObject({ code: "InvalidArgument" });
    expect(await t.runtime.sandboxes({ podUid: config.metadata.uid })).toEqual([]);
    const sandbox = await t.runtime.runSandbox({ ...config, sysctls: { "kernel.shm_rmid_forced": "1" } });
    const { log } = await runToEnd(t, sandbox, script("cat /proc/sys/kernel/shm_rmid_forced"));
    expect(log).toBe("1\n");
    await t.runtime.removeSandbox(sandbox.id);
  });

  test("gives its containers names, files and a shared /dev/shm", async () => {
    await inSandbox(async (sandbox) => {
      await runToEnd(t, sandbox, script("echo hello > /dev/shm/note", { metadata: { name: "a", attempt: 0 } }));
      const { log } = await runToEnd(
        t,
        sandbox,
        script("cat /dev/shm/note; hostname; cat /etc/hostname /etc/resolv.conf; echo $FROM $HOSTNAME"),
      );
      expect(log).toBe("hello\nweb\nweb\nsearch example.org\nnameserver 10.1.2.3\noptions ndots:2\nimage web\n");
    });
  });

  test("shares a PID namespace whose first process reaps", async () => {
    await inSandbox(
      async (sandbox) => {
        const one = await t.runtime.runContainer(
          sandbox.id,
          containerConfig(["sleep", "1000"], { pidMode: "pod", metadata: { name: "one", attempt: 0 } }),
        );
        const { log } = await runToEnd(
          t,
          sandbox,
          script("cat /proc/1/comm; ps | grep -c [s]leep", { pidMode: "pod" }),
        );
        expect(log).toBe("catatonit\n1\n");
        expect(readlinkSync(`/proc/${pidOf(one)}/ns/pid`)).toBe(readlinkSync(sandbox.namespacePaths.pid!));
      },
      { namespaces: { network: "pod", pid: "pod", ipc: "pod" } },
    );
  });

  test("uses the host's namespaces when asked to", async () => {
    await inSandbox(
      async (sandbox) => {
        const container = await t.runtime.runContainer(
          sandbox.id,
          containerConfig(["sleep", "1000"], { pidMode: "node" }),
        );
        for (const kind of ["net", "ipc", "uts", "pid"]) {
          expect(readlinkSync(`/proc/${pidOf(container)}/ns/${kind}`)).toBe(readlinkSync(`/proc/self/ns/${kind}`));
        }
        expect(sandbox.ips).toEqual([]);
      },
      { namespaces: { network: "node", pid: "node", ipc: "node" } },
    );
  });
});

describe("a container", () => {
  test("is created, runs, ends with its code, and is removed", async () => {
    await inSandbox(async (sandbox) => {
      const created = await t.runtime.createContainer(sandbox.id, script("echo out; echo err >&2; exit 7"));
      expect(created.state).toEqual({ phase: "created" });
      const running = await t.runtime.startContainer(created.id);
      expect(running.state.phase).toBe("running");
      const container = await ended(t.runtime, created.id);
      expect(container.state).toMatchObject({ phase: "exited", exitCode: 7, reason: "Error" });
      const text = readFileSync(container.logPath, "utf8");
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) stdout F out$/m);
      expect(text).toMatch(/ stderr F err$/m);
      await expect(t.runtime.startContainer(created.id)).rejects.toMatchObject({ code: "FailedPrecondition" });
      await t.runtime.removeContainer(created.id);
      await t.runtime.removeContainer(created.id);
      expect(await t.runtime.container(created.id)).toBeUndefined();
      expect(existsSync(container.logPath)).toBe(true);
    });
  });

  test.each([
    ["true", 0, "Completed"],
    ["exit 3", 3, "Error"],
    ["kill -KILL $$", 137, "Error"],
  ])("sh -c '%s' ends with %i, %s", async (text, exitCode, reason) => {
    // In a PID namespace of its own the first process can not kill itself.
    await inSandbox(
      async (sandbox) => {
        expect(await runToEnd(t, sandbox, script(text, { pidMode: "node" }))).toMatchObject({ exitCode, reason });
      },
      { namespaces: { network: "pod", pid: "node", ipc: "pod" } },
    );
  });

  test("that the kernel kills for memory is OOMKilled, with a limit of 15 MiB too", async () => {
    await inSandbox(async (sandbox) => {
      const config = script("dd if=/dev/zero of=/dev/null bs=20M", { resources: { memoryBytes: 15 * 1024 * 1024 } });
      expect(await runToEnd(t, sandbox, config)).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
    });
  });

  test.each([
    ["is not there", ["/no/such/program"]],
    ["is not in PATH", ["nosuchprogram"]],
    ["may not be executed", ["/etc/passwd"]],
  ])("whose command %s ends with StartError and 128", async (_why, command) => {
    await inSandbox(async (sandbox) => {
      const error = await t.runtime.runContainer(sandbox.id, containerConfig(command)).catch((e: unknown) => e);
      expect(error).toMatchObject({ reason: "StartError", message: expect.stringContaining(command[0]!) });
      const [container] = await t.runtime.containers({ sandboxId: sandbox.id });
      expect(container?.state).toMatchObject({ phase: "exited", exitCode: 128, reason: "StartError", startedMs: 0 });
    });
  });

  test("that can not be made says why and leaves nothing", async () => {
    await inSandbox(async (sandbox) => {
      const missing = {
        containerPath: "/data",
        hostPath: "/no/such/path",
        readonly: false,
        propagation: "private",
      } as const;
      const { id } = await t.runtime.createContainer(sandbox.id, script("true", { mounts: [missing] }));
      await expect(t.runtime.startContainer(id)).rejects.toMatchObject({
        reason: "StartError",
        message: expect.stringContaining("/no/such/path"),
      });
      await t.runtime.removeContainer(id);
      await expect(t.runtime.createContainer(sandbox.id, script("true", { image: "other" }))).rejects.toMatchObject({
        code: "NotFound",
      });
      await expect(t.runtime.createContainer("0".repeat(64), script("true"))).rejects.toMatchObject({
        code: "NotFound",
      });
      expect(await t.runtime.containers({ sandboxId: sandbox.id })).toEqual([]);
    });
  });

  test("gets user, groups, directory, read-only root", async () => {
    await inSandbox(async (sandbox) => {
      const { security } = script("");
      const { log } = await runToEnd(
        t,
        sandbox,
        script("id -u; id -G; pwd; touch /x", {
          workingDir: "/var/new",
          security: { ...security, runAsUser: 1000, supplementalGroups: [1234], readonlyRootfs: false },
        }),
      );
      const [uid, groups, directory, touch] = log.split("\n");
      expect([uid, directory]).toEqual(["1000", "/var/new"]);
      expect(groups!.split(" ").toSorted()).toEqual(["1000", "1234", "50000"]);
      expect(touch).toContain("Permission denied");
      const fixed = await runToEnd(
        t,
        sandbox,
        script("touch /x", { metadata: { name: "ro", attempt: 0 }, security: { ...security, readonlyRootfs: true } }),
      );
      expect(fixed.log).toContain("Read-only file system");
    });
  });
});

describe("stopping a container", () => {
  const heeds = 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done';
  const ignores = 'trap "" TERM; echo up; while :; do sleep 0.05; done';
  const up = async (container: Container): Promise<void> => {
    await eventually(async () => (await logText(container)).includes("up") || undefined);
  };

  test("sends the stop signal and waits for the end", async () => {
    await inSandbox(async (sandbox) => {
      const container = await t.runtime.runContainer(sandbox.id, script(heeds));
      await up(container);
      await t.runtime.stopContainer(container.id, 30_000);
      expect((await t.runtime.container(container.id))?.state).toMatchObject({ exitCode: 5 });
      await t.runtime.stopContainer(container.id, 30_000);
    });
  });

  test("kills after the grace period, and a later call shortens it", async () => {
    await inSandbox(async (sandbox) => {
      const container = await t.runtime.runContainer(sandbox.id, script(ignores));
      await up(container);
      const long = t.runtime.stopContainer(container.id, 3_600_000);
      await t.runtime.stopContainer(container.id, 100);
      await long;
      expect((await t.runtime.container(container.id))?.state).toMatchObject({ exitCode: 137, reason: "Error" });
    });
  });

  test("uses the signal of the configuration, real-time ones too", async () => {
    await inSandbox(async (sandbox) => {
      const text = 'trap "exit 6" 35; echo up; while :; do sleep 0.05; done';
      const container = await t.runtime.runContainer(sandbox.id, script(text, { stopSignal: "SIGRTMIN+1" }));
      await up(container);
      await t.runtime.stopContainer(container.id, 30_000);
      expect((await t.runtime.container(container.id))?.state).toMatchObject({ exitCode: 6 });
    });
  });

  test("leaves no process behind in a shared PID namespace", async () => {
    await inSandbox(
      async (sandbox) => {
        const container = await t.runtime.runContainer(
          sandbox.id,
          script("(setsid sleep 1000 &) ; echo up; sleep 1000", { pidMode: "pod" }),
        );
        await up(container);
        await t.runtime.stopContainer(container.id, 0);
        expect(await t.host.cgroup.processes(container.cgroupPath)).toEqual([]);
      },
      { namespaces: { network: "pod", pid: "pod", ipc: "pod" } },
    );
  });

  test("ends one that was never started, or whose command can not be executed", async () => {
    await inSandbox(async (sandbox) => {
      for (const command of [["sleep", "1000"], ["/no/such/program"]]) {
        const { id } = await t.runtime.createContainer(sandbox.id, containerConfig(command));
        await t.runtime.stopContainer(id, 30_000);
        expect((await t.runtime.container(id))?.state.phase).toBe("exited");
      }
      await t.runtime.stopContainer("unknown", 0);
    });
  });
});

test("limits are applied and changed, and use is read back", async () => {
  await inSandbox(
    async (sandbox) => {
      const resources = { cpuShares: 256, cpuQuotaUs: 20_000, memoryBytes: 64 * 1024 * 1024, pids: 50 };
      const { id } = await t.runtime.runContainer(sandbox.id, containerConfig(["sleep", "1000"], { resources }));
      const [stats] = await t.runtime.stats({ id });
      expect(stats).toMatchObject({ containerId: id, memoryLimitBytes: 64 * 1024 * 1024, pids: 1 });
      for (const mib of [32, 96]) {
        await t.runtime.updateContainerResources(id, { ...resources, memoryBytes: mib * 1024 * 1024 });
        expect((await t.runtime.stats({ id }))[0]).toMatchObject({ memoryLimitBytes: mib * 1024 * 1024 });
      }
      expect((await t.runtime.sandboxStats(sandbox.id))?.memoryLimitBytes).toBe(128 * 1024 * 1024);
    },
    { resources: { memoryBytes: 128 * 1024 * 1024 } },
  );
});

test("a log file is opened anew after it was renamed", async () => {
  await inSandbox(async (sandbox) => {
    const container = await t.runtime.runContainer(sandbox.id, script("while :; do echo tick; sleep 0.02; done"));
    await eventually(() => (statSync(container.logPath).size > 0 ? true : undefined));
    renameSync(container.logPath, `${container.logPath}.1`);
    await t.runtime.reopenLog(container.id);
    await eventually(() => (existsSync(container.logPath) && statSync(container.logPath).size > 0 ? true : undefined));
    const size = statSync(`${container.logPath}.1`).size;
    await eventually(() => (statSync(container.logPath).size > 300 ? true : undefined));
    expect(statSync(`${container.logPath}.1`).size).toBe(size);
  });
});

test("events wake for every change", async () => {
  const abort = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const event of t.runtime.events(abort.signal)) seen.push(event.type);
  })();
  await inSandbox(async (sandbox) => {
    const { container } = await runToEnd(t, sandbox, script("true"));
    const session = await t.runtime
      .exec(container.id, { command: ["true"], tty: false, stdin: false })
      .catch(() => undefined);
    if (session) await collect(session);
    await t.runtime.removeContainer(container.id);
  });
  abort.abort();
  await reading;
  expect(seen).toEqual(["sandbox", "created", "started", "stopped", "deleted", "sandbox", "sandbox"]);
});
