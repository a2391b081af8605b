/**
 * Pods over a real reboot of a machine whose systemd starts the node. `npm run test:vm` runs this file twice, before and
 * after it reboots its machine (MINKE_REBOOT=before, then after).
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { allRunning, BUSYBOX } from "../fixtures/node.ts";
import { NO_SYSTEMD, serviceOf } from "../fixtures/service.ts";

const phase = process.env["MINKE_REBOOT"];
const WAIT_MS = 180_000;
/** Heeds SIGTERM, for which systemd's shutdown waits up to 90 s. */
const forever = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];

/** A node with each cgroup driver. */
const NODES = [
  { driver: "cgroupfs", options: {} },
  { driver: "systemd", options: { instance: "slices", serve: ["--cgroup-driver", "systemd"] } },
] as const;
type Node = (typeof NODES)[number];

async function runPods({ options }: Node): Promise<void> {
  const service = serviceOf(options);
  await service.install("/etc");
  await service.systemctl("enable", "--now");
  await service.importBusybox();
  const pods = service.client.pods("default");
  for (const restartPolicy of ["Always", "Never"] as const) {
    await pods.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: restartPolicy.toLowerCase() },
      spec: { restartPolicy, containers: [{ name: "main", image: BUSYBOX, command: forever }] },
    });
  }
  for (const name of ["always", "never"]) {
    await pods.wait(name, (pod) => pod !== undefined && allRunning(pod), { timeoutMs: WAIT_MS });
  }
  service.client[Symbol.dispose]();
}

async function findPods({ options }: Node): Promise<void> {
  const service = serviceOf(options);
  const bootedMs = Date.now() - Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
  await expect.poll(() => service.property("ActiveState"), { timeout: WAIT_MS, interval: 500 }).toBe("active");
  const pods = service.client.pods("default");
  const always = await pods.wait(
    "always",
    (pod) => pod !== undefined && allRunning(pod) && pod.status!.containerStatuses![0]!.restartCount > 0,
    { timeoutMs: WAIT_MS },
  );
  const [status] = always!.status!.containerStatuses!;
  expect(status!.restartCount).toBe(1);
  expect(Date.parse(status!.state!.running!.startedAt!)).toBeGreaterThan(bootedMs);
  const never = await pods.wait("never", (pod) => pod?.status?.phase === "Failed", { timeoutMs: WAIT_MS });
  expect(never!.status!.containerStatuses![0]!.restartCount).toBe(0);
  expect(await service.minke("exec", "always", "--", "echo", "back")).toBe("back\n");
  await service.minke("delete", "pods", "--all", "--now");
  await service.remove();
}

if (NO_SYSTEMD !== undefined || phase === undefined) {
  test.skip(`Pods over a reboot: ${NO_SYSTEMD ?? "only npm run test:vm reboots its machine"}`, () => {});
} else if (phase === "before") {
  test.for(NODES)("before a reboot Pods run under the service, with cgroups by $driver", runPods);
} else {
  test.for(NODES)(
    "after the reboot Pods are back by their restart policy, without anyone's help, with cgroups by $driver",
    findPods,
  );
}
