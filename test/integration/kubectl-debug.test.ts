/** `kubectl debug` and `kubectl drain` by the real kubectl: containers that look into a Pod, and Pods that are evicted. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { HttpRelay } from "../fixtures/http-relay.ts";
import { startHttpRelay } from "../fixtures/http-relay.ts";
import { kubectlEnv, kubectls, runKubectl } from "../fixtures/kubectl.ts";
import type { KubectlOutput } from "../fixtures/kubectl.ts";
import { allRunning, BUSYBOX, startTestNode } from "../fixtures/node.ts";
import type { TestNode } from "../fixtures/node.ts";

/** The oldest and the newest that users have; those that are not on this machine are counted as skipped. */
const MINORS = [27, 33];
const IMAGE = { image: BUSYBOX, imagePullPolicy: "IfNotPresent" } as const;

let node: TestNode;
let relay: HttpRelay;
let kubeconfig: string;
beforeAll(async () => {
  node = await startTestNode();
  relay = await startHttpRelay(join(node.state, "api.sock"));
  kubeconfig = join(node.scratch, "kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "relay", cluster: { server: relay.url } }],
    contexts: [{ name: "relay", context: { cluster: "relay", user: "" } }],
    "current-context": "relay",
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

const found = (minor: number): string | undefined => kubectls().find((path) => path.endsWith(`kubectl.1.${minor}`));

for (const minor of MINORS) {
  const path = found(minor);
  describe.skipIf(path === undefined)(`kubectl 1.${minor}`, () => {
    const name = `p${minor}`;
    const kubectl = async (...args: string[]): Promise<KubectlOutput> => runKubectl(path!, kubeconfig, args);

    test("debug -it --target sees the processes of its target, runs once, and leaves its end in the status", async () => {
      await node.create(name, {
        terminationGracePeriodSeconds: 0,
        containers: [
          { ...IMAGE, name: "web", command: ["sleep", "4321"] },
          { ...IMAGE, name: "other", command: ["sleep", "8765"] },
        ],
      });
      await node.until(name, allRunning);
      const args = ["debug", "-i", "-t", name, `--image=${BUSYBOX}`, "--image-pull-policy=IfNotPresent"];
      const script = "ps -o args; echo $((40 + 2)) reached; exit 7";
      // On a terminal of its own, script(1): kubectl debug shows what the terminal gets.
      const line = [path, ...args, "--target=web", "-c", "look", "--", "sh", "-c", `'read x; ${script}'`].join(" ");
      const env = { ...kubectlEnv(kubeconfig), SHELL: "/bin/sh" };
      const child = spawn("script", ["-qec", line, "/dev/null"], { env, stdio: "pipe" });
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (part) => (text += part));
      await node.until(name, (pod) => pod.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined);
      // The terminal keeps what is typed until somebody reads.
      while (!text.includes("reached") && child.exitCode === null) {
        child.stdin.write("\n");
        await pause(200);
      }
      if (child.exitCode === null) await once(child, "exit");
      expect(text).toContain("42 reached");
      expect(text).toContain("sleep 4321");
      expect(text).not.toContain("sleep 8765");
      const ended = await node.until(
        name,
        (pod) => pod.status?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined,
      );
      expect(ended.status?.ephemeralContainerStatuses).toEqual([
        expect.objectContaining({
          name: "look",
          ready: false,
          restartCount: 0,
          state: { terminated: expect.objectContaining({ exitCode: 7, reason: "Error" }) },
        }),
      ]);
      expect(ended.status?.phase).toBe("Running");
      expect(ended.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
      expect((await kubectl("logs", name, "-c", "look")).stdout).toContain("42 reached");
    });

    test("debug runs while an init container fails, and goes with the Pod", async () => {
      const failing = `${name}-init`;
      await node.create(failing, {
        terminationGracePeriodSeconds: 0,
        initContainers: [{ ...IMAGE, name: "init", command: ["false"] }],
        containers: [{ ...IMAGE, name: "web", command: ["sleep", "1"] }],
      });
      const args = ["debug", failing, `--image=${BUSYBOX}`, "--image-pull-policy=IfNotPresent", "-c", "look"];
      expect(await kubectl(...args, "--", "sleep", "100000")).toMatchObject({ code: 0 });
      await node.until(failing, (pod) => pod.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined);
      expect((await kubectl("exec", failing, "-c", "look", "--", "echo", "inside")).stdout).toBe("inside\n");
      await node.remove(failing, 0);
    });

    test("drain evicts the Pods of the node", async () => {
      const nodeName = (await node.client.pods("default").get(name)).spec!.nodeName!;
      const drained = await kubectl("drain", nodeName, "--force", "--delete-emptydir-data", "--timeout=30s");
      expect(drained, drained.stderr).toMatchObject({ code: 0 });
      expect(drained.stdout).toContain(`pod/${name} evicted`);
      expect(await kubectl("uncordon", nodeName)).toMatchObject({ code: 0 });
      expect((await kubectl("get", "pods")).stdout).toBe("");
    });
  });
}
