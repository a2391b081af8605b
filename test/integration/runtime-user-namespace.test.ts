/** Pods with a user namespace of their own, on the real kernel: ids, owners of files, namespaces and what must be refused. */
import { chmodSync, chownSync, mkdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Mount, Sandbox, SandboxConfig, UserNamespace } from "../../src/runtime/runtime.ts";
import {
  collect,
  containerConfig,
  runToEnd,
  sandboxConfig,
  script,
  testRuntime,
  type TestRuntime,
} from "../fixtures/runtime.ts";

let t: TestRuntime;
beforeAll(async () => {
  t = await testRuntime();
  chmodSync(t.base, 0o711); // root inside must find its way to its root file system, as below /var/lib and /run
});
afterAll(async () => await t[Symbol.asyncDispose]());

const HOST_ID = 165_536;
const mapping = [{ containerId: 0, hostId: HOST_ID, size: 65_536 }];
const USER: UserNamespace = { uidMappings: mapping, gidMappings: mapping };

function config(more: Partial<SandboxConfig["namespaces"]> = {}): SandboxConfig {
  const namespaces = { network: "pod", pid: "pod", ipc: "pod", user: USER, ...more } as const;
  return sandboxConfig(t.base, { owner: "cri", cgroupParent: "", namespaces });
}

async function inSandbox(
  task: (sandbox: Sandbox) => Promise<void>,
  more: Partial<SandboxConfig["namespaces"]> = {},
): Promise<void> {
  const sandbox = await t.runtime.runSandbox(config(more));
  try {
    await task(sandbox);
  } finally {
    await t.runtime.removeSandbox(sandbox.id);
  }
}

test("is told as a feature, and leaves no trace of having been tried", async () => {
  const { handlers } = await t.runtime.features();
  expect(handlers[0]).toMatchObject({ name: "", userNamespaces: true });
  expect(await t.host.mount.list(t.instance.root)).toEqual([]);
});

describe.each(["pod", "container"] as const)("with a PID namespace per %s", (pidMode) => {
  test("root inside is nobody special outside, and owns the Pod's namespaces", async () => {
    await inSandbox(
      async (sandbox) => {
        const text = `cat /proc/self/uid_map; id -u; cat /proc/1/comm
          hostname renamed && hostname; ip link set lo down && ip link set lo up && echo net
          ls -ln /etc/resolv.conf /etc/hosts | tr -s ' ' | cut -d' ' -f3; echo x > /dev/shm/x && echo shm
          ls -d /sys/kernel /dev/mqueue; echo out > /dev/stdout; mount -t tmpfs tmpfs /tmp && echo mounted`;
        const security = { ...script("").security, addCapabilities: ["SYS_ADMIN", "NET_ADMIN"] };
        const { log, exitCode } = await runToEnd(t, sandbox, script(text, { pidMode, security }));
        const first = pidMode === "pod" ? "catatonit" : "sh";
        expect(log.replaceAll(/ +/g, " ")).toBe(
          ` 0 ${HOST_ID} 65536\n0\n${first}\nrenamed\nnet\n0\n0\nshm\n/dev/mqueue\n/sys/kernel\nout\nmounted\n`,
        );
        expect(exitCode).toBe(0);
      },
      { pid: pidMode },
    );
  });
});

test("all containers, and an exec, are in the one namespace that is pinned", async () => {
  await inSandbox(async (sandbox) => {
    const { state, id } = await t.runtime.runContainer(
      sandbox.id,
      containerConfig(["sleep", "1000"], { pidMode: "pod", security: { ...script("").security, runAsUser: 1000 } }),
    );
    const pid = state.phase === "running" ? state.pid : 0;
    const inode = await t.host.namespace.inode(sandbox.namespacePaths.user!);
    expect(readlinkSync(`/proc/${pid}/ns/user`)).toBe(`user:[${inode}]`);
    expect(statSync(`/proc/${pid}`).uid).toBe(HOST_ID + 1000);
    const exec = await t.runtime.exec(id, { command: ["readlink", "/proc/self/ns/user"], tty: false, stdin: false });
    expect(await collect(exec)).toEqual({ code: 0, stdout: `user:[${inode}]\n`, stderr: "" });
    expect((await t.runtime.interfaceStats(sandbox.id)).map(({ name }) => name)).toEqual(["eth0"]);
    const restarted = await t.restart();
    expect((await restarted.sandbox(sandbox.id))?.state).toBe("ready");
  });
});

describe("owners of files", () => {
  test("of the image are root inside, and what is written belongs to root inside", async () => {
    await inSandbox(async (sandbox) => {
      const text = "stat -c %u:%g / /bin/sh; touch /bin/new /made && chown 5:6 /made && stat -c %u:%g /bin/new /made";
      const { log, container } = await runToEnd(t, sandbox, script(text));
      expect(log).toBe("0:0\n0:0\n0:0\n5:6\n");
      const { path } = (await t.runtime.layerUsage({ id: container.id })).get(container.id)!;
      expect([statSync(join(path, "made")).uid, statSync(join(path, "bin/new")).uid]).toEqual([HOST_ID + 5, HOST_ID]);
    });
  });

  test("of a volume with mappings are the same inside and on the host; without they are nobody's", async () => {
    const volume = join(t.base, "volume");
    mkdirSync(volume, { mode: 0o755 });
    for (const [name, uid] of [
      ["root", 0],
      ["app", 1000],
    ] as const) {
      writeFileSync(join(volume, name), "");
      chownSync(join(volume, name), uid, uid);
    }
    await inSandbox(async (sandbox) => {
      const mount = (containerPath: string, hostPath: string, shifted: boolean): Mount => {
        const plain = { containerPath, hostPath, readonly: false, propagation: "private" } as const;
        return shifted ? { ...plain, ...USER } : plain;
      };
      const mounts = [
        mount("/shifted", volume, true),
        mount("/plain", volume, false),
        mount("/one", join(volume, "app"), true),
      ];
      const text =
        "stat -c %u /shifted/root /shifted/app /plain/app /one; touch /shifted/new; touch /plain/new 2>/dev/null || echo no";
      const { log } = await runToEnd(t, sandbox, script(text, { mounts }));
      expect(log).toBe("0\n1000\n65534\n1000\nno\n");
      expect(statSync(join(volume, "new")).uid).toBe(0);
      const other = [{ ...mapping[0]!, size: 10 }];
      const wrong = { ...mount("/wrong", volume, true), uidMappings: other };
      await expect(t.runtime.createContainer(sandbox.id, script("true", { mounts: [wrong] }))).rejects.toMatchObject({
        code: "InvalidArgument",
        message: expect.stringContaining("/wrong"),
      });
    });
  });

  test("of an image that is mounted are root inside", async () => {
    await inSandbox(async (sandbox) => {
      const image = { image: "busybox", subPath: "" };
      const mount = { containerPath: "/data", hostPath: "", readonly: true, propagation: "private", image } as const;
      const { log } = await runToEnd(t, sandbox, script("stat -c %u /data /data/etc/passwd", { mounts: [mount] }));
      expect(log).toBe("0\n0\n");
    });
  });
});

test.each([
  ["two mappings", { user: { ...USER, uidMappings: [...mapping, { containerId: 65_536, hostId: 1, size: 1 }] } }],
  ["no mapping", { user: { ...USER, gidMappings: [] } }],
  ["id 0 unmapped", { user: { ...USER, uidMappings: [{ containerId: 1, hostId: HOST_ID, size: 10 }] } }],
  ["no ids", { user: { ...USER, uidMappings: [{ containerId: 0, hostId: HOST_ID, size: 0 }] } }],
  ["ids beyond the last", { user: { ...USER, uidMappings: [{ containerId: 0, hostId: 2 ** 32 - 2, size: 10 }] } }],
  ["the host's network", { network: "node" as const }],
  ["the host's processes", { pid: "node" as const }],
])("%s: refused", async (_why, more) => {
  await expect(t.runtime.runSandbox(config(more))).rejects.toMatchObject({ code: "InvalidArgument" });
  expect(await t.runtime.sandboxes()).toEqual([]);
});
