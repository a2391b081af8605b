/** The shipped unit under a real systemd: what a start, a restart, a stop and a crash of the service leave of the containers. */
import { readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { layoutOf } from "../../src/host/cgroup/layout.ts";
import { processStartTime } from "../../src/host/process/process.ts";
import { auditLeaks, takeInventory, type Inventory } from "../audit.ts";
import { allRunning, BUSYBOX } from "../fixtures/node.ts";
import { pidOf } from "../fixtures/pid.ts";
import { NO_SYSTEMD, serviceOf, type Service } from "../fixtures/service.ts";

const MIB = 1024 * 1024;
const WAIT_MS = 120_000;
const tick = "i=0; trap 'exit 0' TERM; while :; do echo line $i; i=$((i+1)); sleep 0.2; done";

describe.skipIf(NO_SYSTEMD !== undefined)(`a service of systemd${NO_SYSTEMD ? `: ${NO_SYSTEMD}` : ""}`, () => {
  let service: Service;
  let before: Inventory;
  let pids: readonly number[];

  const pod = async (): Promise<Pod> => (await service.client.pods("default").wait("web", running))!;
  const running = (seen: Pod | undefined): boolean => seen !== undefined && allRunning(seen);
  /** The containers' first processes, with their start times, so that a reused pid is told apart. */
  const processes = async (): Promise<readonly number[]> => {
    const seen = await pod();
    return await Promise.all(["one", "two"].map(async (name) => pidOf(service, seen, name)));
  };
  const identity = (): readonly string[] => pids.map((pid) => `${pid} started at ${processStartTime(pid)}`);
  const mainPid = async (): Promise<number> => Number(await service.property("MainPID"));

  beforeAll(async () => {
    service = serviceOf({ instance: "service-test" });
    before = await takeInventory({ instance: service.instance });
    await service.install("/run");
    await service.systemctl("start");
  });
  afterAll(async () => {
    await service.remove();
    await auditLeaks(before);
  });

  test("start returns when the API answers", async () => {
    expect(await service.client.version()).toMatchObject({ major: "1" });
    expect(await service.property("ActiveState")).toBe("active");
    expect(readFileSync(`/proc/${await mainPid()}/cmdline`, "utf8")).toContain("serve");
  });

  test("its containers have the scores and limits of their Pod, not the daemon's", async () => {
    await service.importBusybox();
    const container = { image: BUSYBOX, command: ["sh", "-c", tick] };
    await service.client.pods("default").create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web" },
      spec: {
        terminationGracePeriodSeconds: 2,
        containers: [
          { name: "one", ...container, resources: { limits: { memory: "32Mi", cpu: "500m" } } },
          { name: "two", ...container },
        ],
      },
    });
    await service.client.pods("default").wait("web", running, { timeoutMs: WAIT_MS });
    pids = await processes();
    const daemon = await mainPid();
    const score = (pid: number): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"));
    expect(score(daemon)).toBe(-999);
    for (const pid of pids) expect(score(pid)).toBeGreaterThan(0);
    expect(readlinkSync(`/proc/${daemon}/ns/mnt`)).toBe(readlinkSync("/proc/1/ns/mnt"));
  });

  test("on cgroup v2 its Pods stand beside systemd's slices, and systemd leaves their limits alone", async (context) => {
    const layout = layoutOf(readFileSync("/proc/self/mountinfo", "utf8"));
    context.skip(layout?.version !== 2, "this machine has cgroup v1");
    const path = readFileSync(`/proc/${pids[0]}/cgroup`, "utf8").trim().replace("0::", "");
    expect(path).toMatch(/^\/minke-service-test\/kubepods\//);
    const limits = (): readonly string[] =>
      ["memory.max", "memory.oom.group", "cpu.max", "pids.current"].map((file) =>
        readFileSync(`/sys/fs/cgroup${path}/${file}`, "utf8").trim(),
      );
    const set = [String(32 * MIB), "1", "50000 100000"];
    expect(limits().slice(0, 3)).toEqual(set);
    // systemd goes through the root's controllers whenever units or their properties change.
    await service.systemctl("set-property", "--runtime", "CPUWeight=200", "IOWeight=200", "AllowedCPUs=0");
    await service.systemctl("set-property", "--runtime", "CPUWeight=", "IOWeight=", "AllowedCPUs=");
    await service.reload();
    await service.minke("exec", "web", "-c", "one", "--", "true");
    expect(limits().slice(0, 3)).toEqual(set);
    const controllers = readFileSync("/sys/fs/cgroup/cgroup.subtree_control", "utf8").trim().split(" ");
    expect(controllers).toEqual(expect.arrayContaining(["cpu", "cpuset", "io", "memory", "pids"]));
  });

  test("a restart leaves the containers running: same processes, logs and exec go on", async () => {
    const [was, old] = [identity(), await mainPid()];
    await service.systemctl("restart");
    expect(await mainPid()).not.toBe(old);
    expect(await processes()).toEqual(pids);
    expect(identity()).toEqual(was);
    expect((await pod()).status!.containerStatuses!.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
    expect(await service.minke("exec", "web", "-c", "two", "--", "echo", "hello")).toBe("hello\n");
    const lines = (await service.minke("logs", "web", "-c", "one")).trim().split("\n");
    expect(lines).toEqual(lines.map((_, i) => `line ${i}`));
  });

  test("a stop leaves them too, with their monitors, and the next start finds them", async () => {
    const was = identity();
    await service.systemctl("stop");
    expect(await service.property("ActiveState")).toBe("inactive");
    expect(identity()).toEqual(was);
    await service.systemctl("start");
    expect(await processes()).toEqual(pids);
    expect(identity()).toEqual(was);
  });

  test("a daemon that is killed comes back by itself", async () => {
    const [was, old] = [identity(), await mainPid()];
    await service.systemctl("kill", "--signal=KILL", "--kill-who=main");
    await expect
      .poll(async () => [await service.property("SubState"), (await mainPid()) > 0 && (await mainPid()) !== old], {
        timeout: WAIT_MS,
        interval: 200,
      })
      .toEqual(["running", true]);
    expect(await processes()).toEqual(pids);
    expect(identity()).toEqual(was);
  });

  test("a Pod's end is told as ever", async () => {
    await service.minke("delete", "pod", "web");
    for (const pid of pids) expect(processStartTime(pid)).toBeUndefined();
    expect(await service.journal()).not.toMatch(/Telling systemd failed|Cannot find unit for notify/);
  });
});
