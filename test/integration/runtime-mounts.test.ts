/** Recursive read-only mounts, propagation, and images as volumes, on the real kernel. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ContainerConfig, Mount, Sandbox } from "../../src/runtime/runtime.ts";
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

async function inSandbox(task: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  const sandbox = await t.runtime.runSandbox(sandboxConfig(t.base, { owner: "cri", cgroupParent: "" }));
  try {
    await task(sandbox);
  } finally {
    await t.runtime.removeSandbox(sandbox.id);
  }
}

/** A directory with mounts of its own, shared with other mount namespaces as systemd makes the whole tree. */
async function sharedFolder(name: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = join(t.base, name);
  mkdirSync(path);
  await t.host.mount.mount({ type: "none", source: path, target: path, flags: ["bind"] });
  await t.host.mount.mount({ type: "none", source: "none", target: path, flags: ["shared"] });
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const { target } of await t.host.mount.list(path)) await t.host.mount.unmount(target);
    },
  };
}

async function tmpfs(target: string): Promise<void> {
  mkdirSync(target);
  await t.host.mount.mount({ type: "tmpfs", source: "tmpfs", target });
}

function mount(hostPath: string, more: Partial<Mount> = {}): Mount {
  return { containerPath: "/data", hostPath, readonly: false, propagation: "private", ...more };
}

async function refused(sandbox: Sandbox, one: Mount, code = "InvalidArgument"): Promise<void> {
  const creating = t.runtime.createContainer(sandbox.id, script("true", { mounts: [one] }));
  await expect(creating).rejects.toMatchObject({ code, message: expect.stringContaining(one.containerPath) });
  expect(await t.runtime.containers({ sandboxId: sandbox.id })).toEqual([]);
  expect(readdirSync(join(t.instance.state, "containers"))).toEqual([]);
}

describe("read-only", () => {
  test("holds for the mount alone, or for all below it", async () => {
    const path = join(t.base, "tree");
    mkdirSync(path);
    await tmpfs(join(path, "sub"));
    await inSandbox(async (sandbox) => {
      const text = "exec 2>&1; touch /data/top; touch /data/sub/below && echo below";
      const plain = await runToEnd(t, sandbox, script(text, { mounts: [mount(path, { readonly: true })] }));
      expect(plain.log).toMatch(/data\/top: Read-only file system\nbelow\n$/);
      const [handler] = (await t.runtime.features()).handlers;
      expect(handler).toMatchObject({ name: "", recursiveReadonlyMounts: true });
      const whole = mount(path, { readonly: true, recursiveReadonly: true });
      const named = { metadata: { name: "rro", attempt: 0 }, logPath: "rro.log" };
      const { log } = await runToEnd(t, sandbox, script(text, { mounts: [whole], ...named }));
      expect(log).toMatch(/data\/top: Read-only file system\n.*data\/sub\/below: Read-only file system\n$/);
    });
    await t.host.mount.unmount(join(path, "sub"));
  });

  test("of a whole tree contradicts what can be written, or can change", async () => {
    await inSandbox(async (sandbox) => {
      const whole = { recursiveReadonly: true, readonly: true };
      await refused(sandbox, mount(t.base, { ...whole, readonly: false }));
      for (const propagation of ["hostToContainer", "bidirectional"] as const) {
        await refused(sandbox, mount(t.base, { ...whole, propagation }));
      }
    });
  });
});

describe("propagation", () => {
  const privileged: Pick<ContainerConfig, "security"> = {
    security: { ...script("").security, privileged: true },
  };

  test.each([
    ["private", false, false],
    ["hostToContainer", true, false],
    ["bidirectional", true, true],
  ] as const)("%s: into the container %s, out of it %s", async (propagation, into, out) => {
    await using folder = await sharedFolder(propagation);
    const { path } = folder;
    mkdirSync(join(path, "inside"));
    await inSandbox(async (sandbox) => {
      const mounts = [mount(path, { propagation })];
      const { id } = await t.runtime.runContainer(
        sandbox.id,
        containerConfig(["sleep", "1000"], { mounts, ...privileged }),
      );
      const run = async (text: string): Promise<string> => {
        const session = await t.runtime.exec(id, { command: ["sh", "-c", text], tty: false, stdin: false });
        const { code, stdout, stderr } = await collect(session);
        return code === 0 ? stdout : stderr;
      };
      await tmpfs(join(path, "later"));
      mkdirSync(join(path, "later/from-host"));
      expect(await run("ls /data/later")).toBe(into ? "from-host\n" : "");
      expect(await run("mount -t tmpfs tmpfs /data/inside && mkdir /data/inside/from-container")).toBe("");
      expect(existsSync(join(path, "inside/from-container"))).toBe(out);
    });
  });

  test("is refused where no mount can travel", async () => {
    const path = join(t.base, "lonely");
    await tmpfs(path);
    await t.host.mount.mount({ type: "none", source: "none", target: path, flags: ["private"] });
    await inSandbox(async (sandbox) => {
      for (const propagation of ["hostToContainer", "bidirectional"] as const) {
        await refused(sandbox, mount(path, { propagation }), "FailedPrecondition");
      }
    });
    await t.host.mount.mount({ type: "none", source: "none", target: path, flags: ["shared"] });
    await t.host.mount.mount({ type: "none", source: "none", target: path, flags: ["slave"] });
    await t.host.mount.unmount(path);
  });
});

describe("an image as a volume", () => {
  const image = (subPath = "", more: Partial<Mount> = {}): Mount => {
    return mount("", { readonly: true, image: { image: "busybox", subPath }, ...more });
  };

  test("is read-only, its programs run, and it is told and in use as long as the container is there", async () => {
    await inSandbox(async (sandbox) => {
      const text =
        "exec 2>&1; touch /data/x; /data/bin/echo runs; ls -d /data/etc/passwd /etc-of/passwd; ls -d /etc-of/etc";
      const mounts = [image(), image("etc", { containerPath: "/etc-of" })];
      const { container, log } = await runToEnd(t, sandbox, script(text, { mounts }));
      expect(log).toMatch(
        /^touch: \/data\/x: Read-only file system\nruns\n\/data\/etc\/passwd\n\/etc-of\/passwd\nls: \/etc-of\/etc: No such/,
      );
      const id = `sha256:${"b".repeat(64)}`;
      expect(container.mountedImages).toEqual({ "/data": id, "/etc-of": id });
      expect([...(await t.runtime.imagesInUse())]).toEqual([id]);
      const restarted = await t.restart();
      expect((await restarted.container(container.id))?.mountedImages).toEqual(container.mountedImages);
      expect(await t.host.mount.list(join(t.instance.state, "containers", container.id, "mounts"))).toHaveLength(2);
      await t.runtime.removeContainer(container.id);
      expect((await t.runtime.imagesInUse()).size).toBe(0);
    });
  });

  test("one file of it can be mounted", async () => {
    await inSandbox(async (sandbox) => {
      const mounts = [image("bin/busybox", { containerPath: "/opt/echo" })];
      expect((await runToEnd(t, sandbox, script("/opt/echo alone", { mounts }))).log).toBe("alone\n");
    });
  });

  test("can not be written, nor have a part that it does not have, nor be absent", async () => {
    await inSandbox(async (sandbox) => {
      await refused(sandbox, image("", { readonly: false }));
      await refused(sandbox, image("no/such"), "NotFound");
      const other = script("true", { mounts: [image("", { image: { image: "other", subPath: "" } })] });
      await expect(t.runtime.createContainer(sandbox.id, other)).rejects.toMatchObject({
        code: "NotFound",
        message: expect.stringContaining('"other"'),
      });
      await eventually(async () => (await t.host.mount.list(join(t.instance.state, "containers"))).length === 0);
    });
  });
});
