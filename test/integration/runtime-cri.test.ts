/** What a kubelet asks of the runtime beyond the engine, on the real kernel. */
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ContainerConfig, Sandbox, SandboxConfig } from "../../src/runtime/runtime.ts";
import { TEST_CGROUP_DRIVER } from "../fixtures/cgroup-driver.ts";
import {
  collect,
  containerConfig,
  eventually,
  runToEnd,
  sandboxConfig,
  script,
  testRuntime,
  type TestRuntime,
} from "../fixtures/runtime.ts";

let t: TestRuntime;
beforeAll(async () => void (t = await testRuntime()));
afterAll(async () => await t[Symbol.asyncDispose]());

/** A sandbox as a kubelet asks for it: it owns it, and shares the PID namespace unless told otherwise. */
function kubeletSandbox(more: Partial<SandboxConfig> = {}): SandboxConfig {
  const namespaces = { network: "pod", pid: "pod", ipc: "pod" } as const;
  return sandboxConfig(t.base, { owner: "cri", cgroupParent: "", namespaces, ...more });
}

async function inSandbox(task: (sandbox: Sandbox) => Promise<void>, more: Partial<SandboxConfig> = {}): Promise<void> {
  const sandbox = await t.runtime.runSandbox(kubeletSandbox(more));
  try {
    await task(sandbox);
  } finally {
    await t.runtime.removeSandbox(sandbox.id);
  }
}

function security(more: Partial<ContainerConfig["security"]>): Pick<ContainerConfig, "security"> {
  return { security: { ...script("").security, ...more } };
}

const named = (name: string) => ({ metadata: { name, attempt: 0 } });
const SLEEP = ["sleep", "1000"] as const;

test("features tell what is there", async () => {
  const features = await t.runtime.features();
  expect(features).toMatchObject({ supplementalGroupsPolicy: true, version: expect.stringMatching(/^crun \d+\.\d+/) });
  expect(features.handlers.map(({ name }) => name)).toEqual(expect.arrayContaining(["", "crun"]));
});

describe("users", () => {
  const user = { runAsUser: 1000, supplementalGroups: [1234] };

  test.each([
    ["merge" as const, [1000, 1234, 50000]],
    ["strict" as const, [1000, 1234]],
  ])("%s: the groups of the process, of an exec and of what is told", async (policy, groups) => {
    await inSandbox(async (sandbox) => {
      const config = containerConfig(SLEEP, security({ ...user, supplementalGroupsPolicy: policy }));
      const container = await t.runtime.runContainer(sandbox.id, config);
      expect(container.user).toEqual({ uid: 1000, gid: 1000, supplementalGroups: expect.arrayContaining(groups) });
      expect(container.user.supplementalGroups).toHaveLength(groups.length);
      expect((await t.runtime.container(container.id))?.user).toEqual(container.user);
      const status = readFileSync(
        `/proc/${container.state.phase === "running" ? container.state.pid : 0}/status`,
        "utf8",
      );
      expect(/^Groups:\s*(.*?)\s*$/m.exec(status)?.[1]).toBe(groups.join(" "));
      const exec = await t.runtime.exec(container.id, { command: ["id", "-G"], tty: false, stdin: false });
      expect(await collect(exec)).toEqual({ code: 0, stdout: `${groups.join(" ")}\n`, stderr: "" });
    });
  });

  test("a group without a user is refused", async () => {
    await inSandbox(async (sandbox) => {
      const create = t.runtime.createContainer(sandbox.id, containerConfig(SLEEP, security({ runAsGroup: 1002 })));
      await expect(create).rejects.toMatchObject({ code: "InvalidArgument" });
      expect(await t.runtime.containers({ sandboxId: sandbox.id })).toEqual([]);
    });
  });
});

describe("paths", () => {
  test("a masked file can not be executed, a masked directory is empty, a read-only one is not written", async () => {
    await inSandbox(async (sandbox) => {
      const paths = { maskedPaths: ["/bin/ls", "/etc", "/no/such"], readonlyPaths: ["/tmp", "/no/such"] };
      const text = "exec 2>&1; /bin/ls; echo /etc/*; touch /tmp/test; touch /ok && echo fine";
      const { log } = await runToEnd(t, sandbox, script(text, security(paths)));
      expect(log).toMatch(/^sh: \/bin\/ls: Permission denied$/m);
      expect(log).toMatch(/^\/etc\/\*$/m);
      expect(log).toMatch(/^touch: \/tmp\/test: Read-only file system$/m);
      expect(log).toMatch(/^fine$/m);
    });
  });

  test("an AppArmor profile that can not be used makes the creation fail", async () => {
    await inSandbox(async (sandbox) => {
      const create = t.runtime.createContainer(
        sandbox.id,
        containerConfig(SLEEP, security({ apparmorProfile: "no-such-profile" })),
      );
      await expect(create).rejects.toMatchObject({ message: expect.stringContaining("no-such-profile") });
      await t.runtime.createContainer(sandbox.id, containerConfig(SLEEP, security({ apparmorProfile: "unconfined" })));
    });
  });
});

describe("mounts", () => {
  const mount = (hostPath: string, containerPath: string) => {
    return { hostPath, containerPath, readonly: false, propagation: "private" } as const;
  };

  test("a link is followed, a directory that is not there is made", async () => {
    await inSandbox(async (sandbox) => {
      const folder = join(t.base, "host");
      mkdirSync(join(folder, "real"), { recursive: true });
      writeFileSync(join(folder, "real/file"), "");
      symlinkSync("real", join(folder, "link"));
      const mounts = [mount(join(folder, "link"), "/data/link"), mount(join(folder, "new/one"), "/data/new")];
      const { log } = await runToEnd(t, sandbox, script("ls -A /data/link; touch /data/new/made", { mounts }));
      expect(log).toBe("file\n");
      expect(existsSync(join(folder, "new/one/made"))).toBe(true);
      symlinkSync("nowhere", join(folder, "dangling"));
      const create = t.runtime.createContainer(
        sandbox.id,
        script("true", { mounts: [mount(join(folder, "dangling"), "/x")] }),
      );
      await expect(create).rejects.toMatchObject({ message: expect.stringContaining("dangling") });
      rmSync(folder, { recursive: true });
    });
  });

  test("/etc/hosts is the host's, unless the caller brings one", async () => {
    await inSandbox(async (sandbox) => {
      expect((await runToEnd(t, sandbox, script("cat /etc/hosts"))).log).toBe(readFileSync("/etc/hosts", "utf8"));
      const hosts = join(t.base, "hosts");
      writeFileSync(hosts, "10.0.0.1 other\n");
      const own = script("cat /etc/hosts", {
        ...named("own"),
        logPath: "own.log",
        mounts: [mount(hosts, "/etc/hosts")],
      });
      expect((await runToEnd(t, sandbox, own)).log).toBe("10.0.0.1 other\n");
    });
  });
});

test("a device that was asked for is there and may be used, under its new name too", async () => {
  await inSandbox(async (sandbox) => {
    const devices = [{ hostPath: "/dev/kmsg", containerPath: "/dev/log", permissions: "r" }];
    const text =
      "ls -l /dev/log | cut -c1; dd if=/dev/log of=/dev/null count=1 2>/dev/null && echo read; echo x >/dev/log";
    const reader = security({ addCapabilities: ["SYSLOG"] }); // the kernel's log may be kept from others
    const { log } = await runToEnd(t, sandbox, script(text, { devices, ...reader }));
    expect(log).toMatch(/^c\nread\n.*(not permitted|Permission denied)/s);
  });
});

describe("PID namespaces", () => {
  test("of another container of the sandbox, which must run", async () => {
    await inSandbox(
      async (sandbox) => {
        const target = await t.runtime.runContainer(
          sandbox.id,
          containerConfig(SLEEP, { ...named("target"), pidMode: "container" }),
        );
        const config = script("cat /proc/1/cmdline | tr '\\0' ' '", { pidMode: { container: target.id } });
        expect((await runToEnd(t, sandbox, config)).log).toBe("sleep 1000 ");
        await t.runtime.stopContainer(target.id, 0);
        for (const container of [target.id, "0".repeat(64)]) {
          const create = t.runtime.createContainer(sandbox.id, script("true", { pidMode: { container } }));
          await expect(create).rejects.toMatchObject({ code: "FailedPrecondition" });
        }
      },
      { namespaces: { network: "pod", pid: "container", ipc: "pod" } },
    );
  });

  test("`pod` follows the sandbox when that has the host's, and so do network and IPC", async () => {
    await inSandbox(
      async (sandbox) => {
        const { state } = await t.runtime.runContainer(sandbox.id, containerConfig(SLEEP, { pidMode: "pod" }));
        const pid = state.phase === "running" ? state.pid : 0;
        for (const kind of ["pid", "net", "ipc", "uts"]) {
          expect(readlinkSync(`/proc/${pid}/ns/${kind}`), kind).toBe(readlinkSync(`/proc/self/ns/${kind}`));
        }
      },
      { namespaces: { network: "node", pid: "node", ipc: "node" } },
    );
  });

  test("stopping a sandbox kills all of its processes, in the host's namespace too", async () => {
    const sandbox = await t.runtime.runSandbox(
      kubeletSandbox({ namespaces: { network: "pod", pid: "node", ipc: "pod" } }),
    );
    const container = await t.runtime.runContainer(
      sandbox.id,
      script("(setsid sleep 1000 &); exec sleep 1000", { pidMode: "node" }),
    );
    await eventually(async () => (await t.host.cgroup.processes(container.cgroupPath)).length === 2);
    const pids = await t.host.cgroup.processes(container.cgroupPath);
    await t.runtime.stopSandbox(sandbox.id);
    for (const pid of pids) expect(t.host.process.startTime(pid)).toBeUndefined();
    expect((await t.runtime.sandbox(sandbox.id))?.state).toBe("notready");
    expect((await t.runtime.container(container.id))?.state).toMatchObject({ phase: "exited", exitCode: 137 });
    await t.runtime.removeSandbox(sandbox.id);
  });
});

// Slices are in systemd-cgroups.test.ts.
describe.skipIf(TEST_CGROUP_DRIVER === "systemd")("cgroups that are directories", () => {
  const top = `minke-caller-${process.pid}`;
  afterAll(async () => await t.host.cgroup.remove(top));

  test("the caller's is used as it is, and stays; the sandbox' own part goes at its stop", async () => {
    await t.host.cgroup.create(`${top}/pod1`, {});
    const sandbox = await t.runtime.runSandbox(kubeletSandbox({ cgroupParent: `/${top}/pod1` }));
    expect(sandbox.cgroupPath).toBe(`${top}/pod1`);
    const { id } = await t.runtime.runContainer(sandbox.id, containerConfig(SLEEP, { pidMode: "pod" }));
    expect(await t.host.cgroup.processes(`${top}/pod1/${id}`)).toHaveLength(1);
    await t.runtime.stopSandbox(sandbox.id);
    expect(await t.host.cgroup.children(`${top}/pod1`)).toEqual([]);
    await t.runtime.removeSandbox(sandbox.id);
    expect(await t.host.cgroup.exists(`${top}/pod1`)).toBe(true);
    await t.host.cgroup.remove(top);
  });

  test("one that had to be made goes with the last sandbox in it", async () => {
    const [one, two] = await Promise.all(
      ["a", "b"].map((name) => {
        const metadata = { name, uid: name, namespace: "default", attempt: 0 };
        return t.runtime.runSandbox(kubeletSandbox({ metadata, cgroupParent: `/${top}/made/deep` }));
      }),
    );
    const survivor = await t.runtime.runContainer(two!.id, containerConfig(SLEEP, { pidMode: "pod" }));
    await t.runtime.removeSandbox(one!.id);
    expect((await t.runtime.container(survivor.id))?.state.phase).toBe("running");
    expect((await t.runtime.sandbox(two!.id))?.state).toBe("ready");
    await t.runtime.removeSandbox(two!.id);
    expect(await t.host.cgroup.exists(top)).toBe(false);
  });

  test("without a name the sandbox has one of its own", async () => {
    await inSandbox(async (sandbox) => {
      expect(sandbox.cgroupPath).toBe(`${t.instance.cgroupRoot}/sandbox-${sandbox.id}`);
      await t.runtime.stopSandbox(sandbox.id);
      expect(await t.host.cgroup.exists(sandbox.cgroupPath)).toBe(false);
    });
    await expect(t.runtime.runSandbox(kubeletSandbox({ cgroupParent: "../other" }))).rejects.toMatchObject({
      code: "InvalidArgument",
    });
  });
});

describe("memory", () => {
  const bytes = 15 * 1024 * 1024;
  const limits = { resources: { memoryBytes: bytes, memorySwapBytes: bytes } };

  test("a kill of a child of the first process is OOMKilled, with 137 and with what the first process makes of it", async () => {
    await inSandbox(async (sandbox) => {
      const eat = "dd if=/dev/zero of=/dev/null bs=20M";
      expect(await runToEnd(t, sandbox, script(eat, { ...limits, pidMode: "pod" }))).toMatchObject({
        exitCode: 137,
        reason: "OOMKilled",
      });
      const heedless = script(`${eat}; exit 3`, { ...limits, ...named("heedless"), pidMode: "pod" });
      const { reason } = await runToEnd(t, sandbox, heedless);
      expect(reason).toBe("OOMKilled");
    });
  });

  test("limits that only a kubelet sends are set and changed", async () => {
    await inSandbox(async (sandbox) => {
      const cpu = { cpuShares: 1024, cpuQuotaUs: 20_000, cpuPeriodUs: 100_000, cpusetCpus: "0", cpusetMems: "0" };
      const memory = { memoryBytes: 64 << 20, memorySwapBytes: 96 << 20 };
      const resources = { ...cpu, ...memory, hugepages: [{ pageSize: "2MB", bytes: 0 }] };
      const { id } = await t.runtime.runContainer(sandbox.id, containerConfig(SLEEP, { resources }));
      const stats = async () => (await t.runtime.stats({ id }))[0]!;
      expect(await stats()).toMatchObject({ memoryLimitBytes: 64 << 20, memorySwapLimitBytes: 96 << 20 });
      await t.runtime.updateContainerResources(id, {
        ...resources,
        memoryBytes: 128 << 20,
        memorySwapBytes: 128 << 20,
      });
      expect(await stats()).toMatchObject({ memoryLimitBytes: 128 << 20, memorySwapLimitBytes: 128 << 20 });
      const pid = (await t.runtime.container(id))!.state;
      const status = readFileSync(`/proc/${pid.phase === "running" ? pid.pid : 0}/status`, "utf8");
      expect(status).toMatch(/^Cpus_allowed_list:\t0$/m);
    });
  });
});

test("statistics are whole at once, and count what is used", async () => {
  await inSandbox(async (sandbox) => {
    const resources = { cpuQuotaUs: 20_000, memoryBytes: 64 << 20 };
    const text = "echo hello > /written; exec 7</etc/passwd; while :; do :; done";
    const { id } = await t.runtime.runContainer(sandbox.id, script(text, { resources }));
    const stats = async () => (await t.runtime.stats({ id }))[0]!;
    expect(Object.keys(await stats())).toEqual(
      expect.arrayContaining(
        [
          [
            "cpuUserNs",
            "cpuSystemNs",
            "cpuThrottling",
            "memoryCacheBytes",
            "memoryMappedFileBytes",
            "memoryKernelBytes",
          ],
          ["memoryMaxUsageBytes", "memoryLimitHits", "memorySwapBytes", "pageFaults", "majorPageFaults"],
        ].flat(),
      ),
    );
    await eventually(async () => ((await stats()).cpuThrottling?.throttledNs ?? 0) > 0);
    const open = (await t.runtime.processStats({ id })).get(id)!;
    expect(open).toMatchObject({ processes: 1, sockets: 0, fileDescriptorsMax: expect.any(Number) });
    expect(open.fileDescriptors).toBeGreaterThanOrEqual(4);
    const usage = (await t.runtime.layerUsage({ id })).get(id)!;
    expect(usage.inodesUsed).toBeGreaterThanOrEqual(2);
    expect(usage.usedBytes).toBeGreaterThanOrEqual(4096);
    expect(existsSync(join(usage.path, "written"))).toBe(true);
  });
});

test("interfaces are counted inside the sandbox, with and without a process in it", async () => {
  const both = [
    [{ network: "pod", pid: "pod", ipc: "pod" }, ["eth0"]],
    [{ network: "pod", pid: "container", ipc: "pod" }, ["eth0"]],
    [{ network: "node", pid: "pod", ipc: "pod" }, []],
  ] as const;
  for (const [namespaces, names] of both) {
    await inSandbox(
      async (sandbox) => {
        const found = await t.runtime.interfaceStats(sandbox.id);
        expect(found.map(({ name }) => name)).toEqual(names);
        for (const { rxBytes } of found) expect(rxBytes).toBeGreaterThanOrEqual(0);
        await t.runtime.stopSandbox(sandbox.id);
        expect(await t.runtime.interfaceStats(sandbox.id)).toEqual([]);
      },
      { namespaces },
    );
  }
});
