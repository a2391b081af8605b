/** The cgroup driver systemd: Pods are slices and containers scopes, systemd and the kernel agree on them, and none is left. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { status as codes } from "@grpc/grpc-js";

import type { Pod, PodSpec } from "../../src/api/gen/types.ts";
import { layoutOf } from "../../src/host/cgroup/layout.ts";
import { systemdObstacle } from "../../src/host/cgroup/systemd-obstacle.ts";
import { serviceOf, sliceOf } from "../../src/host/cgroup/units.ts";
import { instanceOf } from "../../src/host/instance.ts";
import { processStartTime } from "../../src/host/process/process.ts";
import { CgroupDriver } from "../../src/server/cri/gen/runtime/v1/api_pb.ts";
import { codeOf, criClient, type CriClient } from "../fixtures/cri-client.ts";
import { scaled } from "../fixtures/emulated.ts";
import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";
import { pidOf } from "../fixtures/pid.ts";
import { resize } from "../fixtures/resize.ts";

/** Behind the API's answer the engine takes a Pod apart. */
const GONE = { timeout: scaled(5000, 60_000), interval: 50 };
const MIB = 1024 * 1024;
const BIN = resolve(import.meta.dirname, "../../bin/minke");
const OBSTACLE = systemdObstacle("/", layoutOf(readFileSync("/proc/self/mountinfo", "utf8"))?.version ?? 1)?.why;
const forever = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"];

describe.skipIf(OBSTACLE !== undefined)(`cgroups that are systemd's${OBSTACLE ? `: ${OBSTACLE}` : ""}`, () => {
  let node: TestNode;
  let cri: CriClient;
  let slice: string;
  let prefix: string;

  const container = { image: BUSYBOX, imagePullPolicy: "IfNotPresent", command: forever };
  const spec = (more: Partial<PodSpec>): PodSpec => ({ terminationGracePeriodSeconds: 0, containers: [], ...more });
  /** The cgroup of a process, from the hierarchy's root. */
  const cgroupOf = (pid: number): string => readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replace("0::/", "");
  const read = (path: string, file: string): string => readFileSync(join("/sys/fs/cgroup", path, file), "utf8").trim();
  const property = (unit: string, name: string): string =>
    execFileSync("systemctl", ["show", "--value", "-p", name, unit], { encoding: "utf8" }).trim();
  const reload = (): unknown => execFileSync("systemctl", ["daemon-reload"]);
  const units = (...patterns: string[]): string[] =>
    execFileSync("systemctl", ["list-units", "--all", "--plain", "--no-legend", ...patterns], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line !== "");
  const containerPid = (pod: Pod, name: string): Promise<number> => pidOf(node, pod, name);

  beforeAll(async () => {
    node = await startTestNode({ args: ["--cgroup-driver", "systemd", "--runtime", "runc=runc"] });
    cri = criClient(join(node.state, "cri.sock"));
    prefix = instanceOf({ instance: node.instance }).cgroupRoot;
    slice = sliceOf(prefix).name.replace(/\.slice$/, "");
  });
  afterAll(async () => {
    for (const { id } of (await cri.runtime.listPodSandbox()).items) {
      await cri.runtime.removePodSandbox({ podSandboxId: id });
    }
    cri[Symbol.dispose]();
    await node[Symbol.asyncDispose]();
  });

  test("a Pod is a slice and its containers are scopes, and what they may use outlives a reload of systemd", async () => {
    const limits = { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "250m" } };
    await node.create("web", spec({ containers: [{ name: "one", ...container, resources: limits }] }));
    const pod = await node.until("web", allRunning);
    const path = cgroupOf(await containerPid(pod, "one"));
    const podSlice = `${slice}-kubepods-burstable-pod${pod.metadata.uid!.replaceAll("-", "_")}.slice`;
    const id = pod.status!.containerStatuses![0]!.containerID!.replace("minke://", "");
    expect(path.split("/")).toEqual([
      `${slice}.slice`,
      `${slice}-kubepods.slice`,
      `${slice}-kubepods-burstable.slice`,
      podSlice,
      `${prefix}-${id}.scope`,
      "container",
    ]);
    const above = path.split("/").slice(0, 4).join("/");
    const scope = path.split("/").slice(0, 5).join("/");
    const kernel = (): readonly string[] => [
      ...["memory.max", "cpu.max", "memory.oom.group"].map((file) => read(path, file)),
      ...["cpu.weight", "pids.max"].map((file) => read(scope, file)),
      ...["memory.max", "cpu.max", "cpu.weight"].map((file) => read(above, file)),
    ];
    const set = [`${64 * MIB}`, "50000 100000", "1", "35", "max", `${64 * MIB}`, "50000 100000", "35"];
    expect(kernel()).toEqual(set);
    reload();
    await node.minke(["exec", "web", "--", "true"]);
    expect(kernel()).toEqual(set);
    expect(property(podSlice, "MemoryMax")).toBe(`${64 * MIB}`);
    expect(property(`${prefix}-${id}.scope`, "CPUWeight")).toBe("35");
    // At a shutdown the daemon, which is in this test's service, ends first.
    const service = serviceOf(readFileSync("/proc/self/cgroup", "utf8"));
    if (service !== undefined) expect(property(`${prefix}-${id}.scope`, "Before").split(" ")).toContain(service);
  });

  test("what an exec starts is in the container's cgroup", async () => {
    const pod = await node.until("web", allRunning);
    const path = cgroupOf(await containerPid(pod, "one"));
    const { stdout } = await node.minke([
      "exec",
      "web",
      "--",
      "sh",
      "-c",
      "sleep 1000 >/dev/null 2>&1 & cat /proc/1/cgroup",
    ]);
    expect(stdout.trim()).toBe("0::/");
    const commands = read(path, "cgroup.procs")
      .split("\n")
      .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    expect(commands).toContain("sleep\u00001000\u0000");
  });

  test("limits change while it runs, and systemd knows", async () => {
    const pod = await node.until("web", allRunning);
    const path = cgroupOf(await containerPid(pod, "one"));
    const parts = path.split("/");
    await resize(node, "web", "one", { limits: { cpu: "800m", memory: "96Mi" }, requests: { cpu: "400m" } });
    const told = (each: Pod): unknown => each.status?.containerStatuses?.[0]?.resources?.limits?.["memory"];
    await node.until("web", (each) => told(each) === "96Mi");
    const weight = read(parts.slice(0, 5).join("/"), "cpu.weight");
    expect(Number(weight)).toBeGreaterThan(35);
    reload();
    expect(read(path, "memory.max")).toBe(`${96 * MIB}`);
    expect(read(path, "cpu.max")).toBe("80000 100000");
    expect(read(parts.slice(0, 5).join("/"), "cpu.weight")).toBe(weight);
    expect(read(parts.slice(0, 4).join("/"), "memory.max")).toBe(`${96 * MIB}`);
    expect(property(parts[3]!, "MemoryMax")).toBe(`${96 * MIB}`);
    expect(property(parts[4]!, "CPUWeight")).toBe(weight);
  });

  test("a container that ends is restarted in a new scope, and its old one is gone", async () => {
    const pod = await node.until("web", allRunning);
    const pid = await containerPid(pod, "one");
    const scope = cgroupOf(pid).split("/")[4]!;
    process.kill(pid, "SIGKILL");
    const again = await node.until(
      "web",
      (each) => each.status?.containerStatuses?.[0]?.restartCount === 1 && allRunning(each),
    );
    expect(cgroupOf(await containerPid(again, "one")).split("/")[4]).not.toBe(scope);
    await expect.poll(() => units(scope!), GONE).toEqual([]);
  });

  test("each container that the kernel kills for memory is OOMKilled, though systemd removes its cgroup at once", async () => {
    const hungry = { ...container, command: ["tail", "/dev/zero"], resources: { limits: { memory: "16Mi" } } };
    const names = ["a", "b", "c", "d"];
    await node.create(
      "hungry",
      spec({ restartPolicy: "Never", containers: names.map((name) => ({ name, ...hungry })) }),
    );
    const pod = await node.until("hungry", ({ status }) => status?.phase === "Failed");
    const ends = pod.status!.containerStatuses!.map(({ state }) => [
      state?.terminated?.reason,
      state?.terminated?.exitCode,
    ]);
    expect(ends).toEqual(names.map(() => ["OOMKilled", 137]));
    await node.remove("hungry");
  });

  test("they live on when the daemon is killed, and a daemon with the other driver refuses them", async () => {
    const pod = await node.until("web", allRunning);
    const pid = await containerPid(pod, "one");
    const since = processStartTime(pid);
    await node.stop("SIGKILL");
    const place = ["--instance", node.instance, "--root", node.root, "--state", node.state];
    const other = promisify(execFile)(BIN, ["serve", ...place, "--cgroup-driver", "cgroupfs"]);
    await expect(other).rejects.toThrow(/Cannot use the cgroup driver cgroupfs: Pod default\/web runs in minke_/);
    expect(processStartTime(pid)).toBe(since);
    await node.start();
    expect(await containerPid(await node.until("web", allRunning), "one")).toBe(pid);
    expect(processStartTime(pid)).toBe(since);
  });

  test("a shared PID namespace's init has a scope, and a deleted Pod leaves no unit", async () => {
    const both = [
      { name: "one", ...container },
      { name: "two", ...container },
    ];
    await node.create("shared", spec({ shareProcessNamespace: true, containers: both }));
    await node.until("shared", allRunning);
    expect(units(`${prefix}-*-init.scope`)).toHaveLength(1);
    for (const name of ["web", "shared"]) await node.remove(name);
    await expect.poll(() => units(`${slice}-kubepods*-pod*.slice`, `${prefix}-*.scope`), GONE).toEqual([]);
  });

  describe("for a kubelet", () => {
    const sandbox = async (cgroupParent: string, runtimeHandler = ""): Promise<string> => {
      const name = cgroupParent.replaceAll(/\W/g, "-");
      const metadata = { name, uid: name, namespace: "default", attempt: 0 };
      return (await cri.runtime.runPodSandbox({ config: { metadata, linux: { cgroupParent } }, runtimeHandler }))
        .podSandboxId;
    };
    const start = async (podSandboxId: string): Promise<{ readonly containerId: string; readonly path: string }> => {
      const config = {
        metadata: { name: "c", attempt: 0 },
        image: { image: BUSYBOX },
        command: forever,
        linux: {
          resources: { memoryLimitInBytes: BigInt(32 * MIB), unified: { "pids.max": "50", "memory.low": "4096" } },
        },
      };
      const { containerId } = await cri.runtime.createContainer({ podSandboxId, config });
      await cri.runtime.startContainer({ containerId });
      const { info } = await cri.runtime.containerStatus({ containerId, verbose: true });
      return { containerId, path: cgroupOf((JSON.parse(info["info"]!) as { pid: number }).pid) };
    };

    test("the driver is told, and a cgroup parent has to be a slice", async () => {
      expect((await cri.runtime.runtimeConfig()).linux?.cgroupDriver).toBe(CgroupDriver.SYSTEMD);
      expect(await codeOf(sandbox("/kubepods/pod1"))).toBe(codes.INVALID_ARGUMENT);
    });

    test("its slice is used and stays, and one that had to be made goes", async () => {
      const kubelets = `${slice}_kubelet-pod1.slice`;
      execFileSync("systemctl", ["start", kubelets]);
      try {
        const own = await sandbox(`/${slice}_kubelet.slice/${kubelets}`);
        const made = await sandbox(`/${slice}_made.slice`);
        const { containerId, path } = await start(own);
        expect(path).toBe(`${slice}_kubelet.slice/${kubelets}/${prefix}-${containerId}.scope/container`);
        expect(["memory.max", "pids.max", "memory.low"].map((file) => read(path, file))).toEqual([
          `${32 * MIB}`,
          "50",
          "4096",
        ]);
        expect(property(`${prefix}-${containerId}.scope`, "MemoryLow")).toBe("4096");
        await cri.runtime.updateContainerResources({
          containerId,
          linux: { memoryLimitInBytes: BigInt(48 * MIB), cpuShares: 512n },
        });
        expect(read(path, "memory.max")).toBe(`${48 * MIB}`);
        expect(property(`${prefix}-${containerId}.scope`, "CPUWeight")).toBe("59");
        expect((await start(made)).path).toMatch(new RegExp(`^${slice}_made.slice/`));
        for (const podSandboxId of [own, made]) await cri.runtime.removePodSandbox({ podSandboxId });
        expect(units(`${slice}_*.slice`).map((line) => line.split(" ")[0])).toEqual([
          kubelets,
          `${slice}_kubelet.slice`,
        ]);
      } finally {
        execFileSync("systemctl", ["stop", `${slice}_kubelet.slice`]);
      }
    });

    test("runc puts the container into the scope itself", async () => {
      const podSandboxId = await sandbox(`/${slice}_runc.slice`, "runc");
      const { containerId, path } = await start(podSandboxId);
      expect(path).toBe(`${slice}_runc.slice/${prefix}-${containerId}.scope`);
      await cri.runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: BigInt(48 * MIB) } });
      reload();
      expect(read(path, "memory.max")).toBe(`${48 * MIB}`);
      await cri.runtime.removePodSandbox({ podSandboxId });
      await expect.poll(() => units(`${prefix}-${containerId}.scope`, `${slice}_runc.slice`), GONE).toEqual([]);
    });
  });
});
