/** CPU and memory of a Pod that runs: applied in place or by a restart, put off, or refused, and told. */
import { expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { allRunning, BUSYBOX, startTestNode } from "../fixtures/node.ts";
import { resize } from "../fixtures/resize.ts";

const LIMIT = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max";

const told = (pod: Pod) => pod.status?.containerStatuses?.[0]?.resources?.limits;
const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((each) => each.type === type);

test("limits change while the container runs, with a restart where its policy says so, and never below what is used", async () => {
  await using node = await startTestNode();
  await node.create("p", {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "c",
        image: BUSYBOX,
        imagePullPolicy: "IfNotPresent",
        // 20 MiB that cannot be reclaimed.
        command: ["sh", "-c", "x=$(head -c 20971520 /dev/zero | tr '\\0' x); while :; do sleep 1; done"],
        resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }],
        resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "500m", memory: "128Mi" } },
      },
    ],
  });
  await node.until("p", allRunning);
  const limit = async (): Promise<string> => {
    const { stdout } = await node.minke(["exec", "p", "--", "sh", "-c", LIMIT]);
    return stdout.trim();
  };
  expect(await limit()).toBe(String(128 << 20));

  await resize(node, "p", "c", { limits: { memory: "256Mi" } });
  const grown = await node.until("p", (pod) => told(pod)?.["memory"] === "256Mi");
  expect(await limit()).toBe(String(256 << 20));
  expect(grown.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0 });
  expect(condition(grown, "PodResizeInProgress")).toBeUndefined();

  await resize(node, "p", "c", { requests: { memory: "1Mi" }, limits: { memory: "2Mi" } });
  const held = await node.until("p", (pod) => condition(pod, "PodResizeInProgress")?.reason === "Error");
  expect(condition(held, "PodResizeInProgress")?.message).toContain("below current usage");
  expect(told(held)?.["memory"]).toBe("256Mi");
  expect(await limit()).toBe(String(256 << 20));

  await resize(node, "p", "c", { requests: { cpu: "9000", memory: "64Mi" }, limits: { cpu: "9000", memory: "200Mi" } });
  const pending = await node.until("p", (pod) => condition(pod, "PodResizePending") !== undefined);
  expect(condition(pending, "PodResizePending")).toMatchObject({ status: "True", reason: "Infeasible" });

  await resize(node, "p", "c", { requests: { cpu: "200m" }, limits: { cpu: "400m", memory: "200Mi" } });
  const again = await node.until("p", (pod) => told(pod)?.["cpu"] === "400m" && allRunning(pod));
  expect(again.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1 });
  expect(condition(again, "PodResizePending")).toBeUndefined();
  expect(await limit()).toBe(String(200 << 20));
});
