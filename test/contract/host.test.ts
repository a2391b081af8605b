/** The contract of the host layer: one suite, run against the fake and against the kernel. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createHost } from "../../src/host/create-host.ts";
import { createFakeHost } from "../../src/host/fake.ts";
import type { Host } from "../../src/host/host.ts";
import { instanceOf } from "../../src/host/instance.ts";
import { auditLeaks, takeInventory } from "../audit.ts";

const cgroupRoot = `minke-contract-${process.pid}`;

/** What the suite needs of each side beside the host: folders, and a process inside a cgroup. */
interface Subject extends AsyncDisposable {
  readonly host: Host;
  readonly folder: string;
  makeFolder(path: string): Promise<void>;
  startProcess(cgroup: string): Promise<number>;
}

async function fakeSubject(): Promise<Subject> {
  const host = createFakeHost({
    true: () => ({}),
    sh: ({ argv }) => ({ code: Number(argv[2]?.split(" ")[1]) }),
    cat: ({ stdin = "" }) => ({ stdout: String(stdin) }),
    sleep: async () => await new Promise<never>(() => {}),
  });
  return {
    host,
    folder: "/fake",
    makeFolder: async () => {},
    startProcess: async (cgroup) => host.startProcess(cgroup),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function realSubject(): Promise<Subject> {
  const folder = mkdtempSync("/tmp/minke-contract-");
  const instance = { ...instanceOf({ root: join(folder, "root"), state: folder }), cgroupRoot };
  const before = await takeInventory({ instance });
  const host = await createHost();
  await host.cgroup.prepare();
  return {
    host,
    folder,
    makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
    startProcess: async (cgroup) => await startInCgroup(host, cgroup),
    [Symbol.asyncDispose]: async () => {
      await host.cgroup.kill(cgroupRoot);
      await host.cgroup.remove(cgroupRoot);
      for (const { target } of await host.mount.list(folder)) await host.mount.unmount(target);
      await host[Symbol.asyncDispose]();
      for (const name of await readdir(folder)) rmSync(join(folder, name), { recursive: true });
      await auditLeaks(before);
      rmSync(folder, { recursive: true });
    },
  };
}

async function startInCgroup(host: Host, cgroup: string): Promise<number> {
  const enter = `for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
    if [ -e $d/${cgroup}/cgroup.procs ]; then echo $$ > $d/${cgroup}/cgroup.procs; fi; done; exec sleep 300`;
  const child = spawn("sh", ["-c", enter], { stdio: "ignore" });
  while (!(await host.cgroup.processes(cgroup)).includes(child.pid!)) await pause(5);
  return child.pid!;
}

describe.each([
  ["fake", fakeSubject],
  ["kernel", realSubject],
])("%s host", (_name, open) => {
  let subject: Subject;
  let host: Host;
  beforeAll(async () => {
    subject = await open();
    ({ host } = subject);
  });
  afterAll(async () => await subject[Symbol.asyncDispose]());

  describe("process", () => {
    test("run tells the exit code and the output", async () => {
      expect(await host.process.run({ argv: ["true"] })).toEqual({ code: 0, stdout: "", stderr: "" });
      expect((await host.process.run({ argv: ["sh", "-c", "exit 7"] })).code).toBe(7);
      expect((await host.process.run({ argv: ["cat"], stdin: "grüß\n" })).stdout).toBe("grüß\n");
    });

    test("a program that does not exist ends with 127", async () => {
      const { code, stderr } = await host.process.run({ argv: ["/no/such/program"] });
      expect(code).toBe(127);
      expect(stderr).toContain("/no/such/program");
    });

    test("an abort rejects with Cancelled, before and during", async () => {
      await expect(host.process.run({ argv: ["sleep", "60"], signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: "Cancelled",
      });
      const abort = new AbortController();
      const running = host.process.run({ argv: ["sleep", "60"], signal: abort.signal });
      abort.abort();
      await expect(running).rejects.toMatchObject({ code: "Cancelled" });
    });

    test("stream passes input on and tells the exit code", async () => {
      const child = host.process.stream({ argv: ["cat"] });
      child.stdin.end("through");
      let output = "";
      for await (const chunk of child.stdout) output += String(chunk);
      expect(output).toBe("through");
      expect(await child.exited).toBe(0);
    });

    test("kill spares another process that has the same pid", async () => {
      await host.cgroup.create(`${cgroupRoot}/kill`, {});
      const pid = await subject.startProcess(`${cgroupRoot}/kill`);
      const start = host.process.startTime(pid)!;
      expect(host.process.kill(pid, "SIGTERM", start + 1)).toBe(false);
      expect(host.process.startTime(pid)).toBe(start);
      expect(host.process.kill(pid, "SIGKILL", start)).toBe(true);
      await host.cgroup.kill(`${cgroupRoot}/kill`);
      await host.cgroup.remove(`${cgroupRoot}/kill`);
    });
  });

  describe("namespace", () => {
    test("pin makes new namespaces, unpin removes them, twice is once", async () => {
      const paths = { net: join(subject.folder, "ns/net"), uts: join(subject.folder, "ns/uts") };
      await host.namespace.pin({ paths, hostname: "a-pod", sysctls: { "net.ipv4.ip_unprivileged_port_start": "80" } });
      const [net, uts] = await Promise.all([host.namespace.inode(paths.net), host.namespace.inode(paths.uts)]);
      expect(net).toBeGreaterThan(0);
      expect(uts).toBeGreaterThan(0);
      expect(net).not.toBe(uts);
      for (const path of [paths.net, paths.uts, paths.net]) await host.namespace.unpin(path);
      expect(await host.namespace.inode(paths.net)).toBeUndefined();
    });

    test("a user namespace is pinned like the others, and shifts the owners of what is mounted", async () => {
      const userns = join(subject.folder, "ns3/user");
      const mapping = [{ containerId: 0, hostId: 200_000, size: 1000 }];
      const user = { uidMappings: mapping, gidMappings: mapping };
      await host.namespace.pin({ paths: { user: userns, net: join(subject.folder, "ns3/net") }, user });
      expect(await host.namespace.inode(userns)).toBeGreaterThan(0);
      const folder = (name: string): string => join(subject.folder, "shifted", name);
      for (const name of ["a", "b", "bound", "overlaid"]) await subject.makeFolder(folder(name));
      await host.mount.idmap({ source: folder("a"), target: folder("bound"), userns });
      await host.mount.overlay({ lower: [folder("a"), folder("b")], target: folder("overlaid"), userns });
      for (const path of [folder("bound"), folder("overlaid")]) {
        expect(await host.mount.list(path)).toHaveLength(1);
        await host.mount.unmount(path);
      }
      for (const kind of ["net", "user"]) await host.namespace.unpin(join(subject.folder, "ns3", kind));
      expect(await host.namespace.inode(userns)).toBeUndefined();
    });

    test("pin is all or nothing", async () => {
      const taken = join(subject.folder, "ns2/uts");
      const fresh = join(subject.folder, "ns2/net");
      await host.namespace.pin({ paths: { uts: taken } });
      await expect(host.namespace.pin({ paths: { net: fresh, uts: taken } })).rejects.toMatchObject({
        code: "AlreadyExists",
      });
      await expect(
        host.namespace.pin({ paths: { net: fresh }, sysctls: { "vm.nonesuch": "1" } }),
      ).rejects.toMatchObject({ code: "InvalidArgument", message: expect.stringContaining("vm.nonesuch") });
      expect(await host.namespace.inode(fresh)).toBeUndefined();
      expect(await host.namespace.inode(taken)).toBeGreaterThan(0);
      await host.namespace.unpin(taken);
    });
  });

  test("mounts are listed deepest first, and unmount is idempotent", async () => {
    const top = join(subject.folder, "mnt");
    await subject.makeFolder(top);
    await host.mount.mount({ type: "tmpfs", source: "tmpfs", target: top, data: "size=1m" });
    await subject.makeFolder(join(top, "sub"));
    await host.mount.mount({ type: "tmpfs", source: "inner", target: join(top, "sub"), flags: ["nosuid", "ro"] });
    expect((await host.mount.list(top)).map(({ target, source }) => [target, source])).toEqual([
      [join(top, "sub"), "inner"],
      [top, "tmpfs"],
    ]);
    await host.mount.unmount(top);
    await host.mount.unmount(top);
    expect(await host.mount.list(top)).toEqual([]);
  });

  test("peers tells how the mount travels that a path lies in", async () => {
    const top = join(subject.folder, "peers");
    const shared = join(top, "shared");
    for (const [target, peers] of [
      [top, "private"],
      [shared, "shared"],
    ] as const) {
      await subject.makeFolder(target);
      await host.mount.mount({ type: "tmpfs", source: "tmpfs", target });
      await host.mount.mount({ type: "none", source: "none", target, flags: [peers] });
      expect(await host.mount.peers(target)).toBe(peers);
    }
    await subject.makeFolder(join(shared, "sub"));
    expect(await host.mount.peers(join(shared, "sub"))).toBe("shared");
    expect(await host.mount.peers(top)).toBe("private");
    await host.mount.unmount(shared);
    await host.mount.unmount(top);
  });

  describe("cgroup", () => {
    const pod = `${cgroupRoot}/pods/pod1`;

    test("create makes the parents too and is idempotent", async () => {
      for (let i = 0; i < 2; i++) await host.cgroup.create(pod, { cpuShares: 512, memoryBytes: 64 << 20, pids: 100 });
      expect(await host.cgroup.exists(pod)).toBe(true);
      expect(await host.cgroup.children(cgroupRoot)).toEqual([`${cgroupRoot}/pods`]);
      expect(await host.cgroup.stats(pod)).toMatchObject({ memoryLimitBytes: 64 << 20, pids: 0, oomKills: 0 });
    });

    test("update changes a limit, and -1 lifts it", async () => {
      await host.cgroup.update(pod, { memoryBytes: 32 << 20 });
      expect((await host.cgroup.stats(pod))?.memoryLimitBytes).toBe(32 << 20);
      await host.cgroup.update(pod, { memoryBytes: -1 });
      expect((await host.cgroup.stats(pod))?.memoryLimitBytes).toBeUndefined();
    });

    test("kill empties a cgroup and all below it; then remove removes both", async () => {
      await host.cgroup.create(`${pod}/c1`, {});
      const pid = await subject.startProcess(`${pod}/c1`);
      expect(await host.cgroup.processes(pod)).toEqual([pid]);
      await expect(host.cgroup.remove(pod)).rejects.toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining(String(pid)),
      });
      await host.cgroup.kill(pod);
      expect(await host.cgroup.processes(pod)).toEqual([]);
      await host.cgroup.remove(pod);
      expect(await host.cgroup.exists(pod)).toBe(false);
    });

    test("what is gone is no error", async () => {
      await host.cgroup.kill(pod);
      await host.cgroup.remove(pod);
      expect(await host.cgroup.processes(pod)).toEqual([]);
      expect(await host.cgroup.children(pod)).toEqual([]);
      expect(await host.cgroup.stats(pod)).toBeUndefined();
    });
  });
});
