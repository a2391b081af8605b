/** The classic Pod, end to end: through the CLI and the API of a real node, down to the kernel. */
import { get } from "node:http";
import { readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { freePort } from "../fixtures/free-port.ts";
import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";
import { pidOf } from "../fixtures/pid.ts";

const forever = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
const namespacesOf = (pid: number): Record<string, string> =>
  Object.fromEntries(
    ["net", "ipc", "uts", "pid", "mnt"].map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)]),
  );

let node: TestNode;
beforeAll(async () => {
  node = await startTestNode();
}, 120_000);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
}, 120_000);

async function http(url: string): Promise<string> {
  return new Promise((resolve, reject) =>
    get(url, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve(body));
    }).on("error", reject),
  );
}

describe("a Pod of two containers", () => {
  let pod: Pod;
  let port: number;
  beforeAll(async () => {
    const serve = "mkdir /www && echo hello from $(hostname) > /www/index.html && exec httpd -f -p 80 -h /www";
    port = await freePort();
    await node.create("duo", {
      shareProcessNamespace: true,
      containers: [
        { name: "web", image: BUSYBOX, command: ["sh", "-c", serve], ports: [{ containerPort: 80, hostPort: port }] },
        { name: "side", image: BUSYBOX, command: forever },
      ],
    });
    pod = await node.until("duo", allRunning);
  });
  afterAll(async () => {
    await node.remove("duo", 1);
  });

  test("shares net, ipc, uts and, as asked, pid namespaces, and has mount namespaces of its own", async () => {
    const [web, side] = await Promise.all(
      ["web", "side"].map(async (name) => namespacesOf(await pidOf(node, pod, name))),
    );
    for (const kind of ["net", "ipc", "uts", "pid"]) expect(web![kind], kind).toBe(side![kind]);
    expect(web!["mnt"]).not.toBe(side!["mnt"]);
    for (const [kind, inode] of Object.entries(namespacesOf(process.pid))) expect(web![kind], kind).not.toBe(inode);
  });

  test("talks over localhost, and is reached by its IP and by its host port on 127.0.0.1", async () => {
    const inside = await node.minke(["exec", "duo", "-c", "side", "--", "wget", "-qO-", "http://127.0.0.1/"]);
    expect(inside).toMatchObject({ code: 0, stdout: "hello from duo\n" });
    expect(await http(`http://${pod.status!.podIP}/`)).toBe("hello from duo\n");
    expect(await http(`http://127.0.0.1:${port}/`)).toBe("hello from duo\n");
  });

  test("has the status that Kubernetes would give it", () => {
    expect(pod.status).toMatchObject({
      phase: "Running",
      qosClass: "BestEffort",
      conditions: [
        { type: "PodReadyToStartContainers", status: "True" },
        { type: "Initialized", status: "True" },
        { type: "Ready", status: "True" },
        { type: "ContainersReady", status: "True" },
        { type: "PodScheduled", status: "True" },
      ],
      containerStatuses: [
        { name: "side", ready: true, started: true, restartCount: 0, image: BUSYBOX },
        { name: "web", ready: true, started: true, restartCount: 0, image: BUSYBOX },
      ],
    });
  });

  test("get prints kubectl's columns", async () => {
    const { stdout } = await node.minke(["get", "pods"]);
    const [header, row] = stdout.split("\n");
    expect(header).toMatch(/^NAME {3}READY {3}STATUS {4}RESTARTS {3}AGE$/);
    expect(row).toMatch(/^duo {4}2\/2 {5}Running {3}0 {10}\d+s$/);
  });

  test("exec passes exit codes and input through", async () => {
    expect(await node.minke(["exec", "duo", "-c", "side", "--", "sh", "-c", "exit 42"])).toMatchObject({ code: 42 });
    const cat = await node.minke(["exec", "-i", "duo", "-c", "side", "--", "cat"], "through\n");
    expect(cat).toMatchObject({ code: 0, stdout: "through\n" });
  });

  test("crashes are restarted at once, with the last state told", async () => {
    const pid = await pidOf(node, pod, "side");
    process.kill(pid, "SIGKILL");
    const after = await node.until(
      "duo",
      (now) => now.status!.containerStatuses![0]!.restartCount === 1 && allRunning(now),
    );
    expect(after.status!.containerStatuses![0]!.lastState!.terminated).toMatchObject({
      exitCode: 137,
      reason: "Error",
    });
  });
});

describe("other shapes of a Pod", () => {
  test("init containers run in order before the rest, and a failed one is tried again", async () => {
    const file = "/work/tries";
    const volume = { volumeMounts: [{ name: "work", mountPath: "/work" }] };
    await node.create("init", {
      restartPolicy: "Never",
      initContainers: [
        { name: "first", image: BUSYBOX, command: ["sh", "-c", `echo first >> ${file}`], ...volume },
        { name: "second", image: BUSYBOX, command: ["sh", "-c", `echo second >> ${file}`], ...volume },
      ],
      containers: [{ name: "main", image: BUSYBOX, command: ["cat", file], ...volume }],
      volumes: [{ name: "work", emptyDir: {} }],
    });
    const pod = await node.until("init", (now) => now.status?.phase === "Succeeded");
    expect(pod.status!.initContainerStatuses!.map((status) => status.state!.terminated!.reason)).toEqual([
      "Completed",
      "Completed",
    ]);
    expect((await node.minke(["logs", "init"])).stdout).toBe("first\nsecond\n");
    await node.remove("init");
  });

  test("a process over its memory limit is OOMKilled with 137", async () => {
    await node.create("oom", {
      restartPolicy: "Never",
      containers: [
        {
          name: "hog",
          image: BUSYBOX,
          command: ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=40M count=1"],
          resources: { limits: { memory: "16Mi" } },
        },
      ],
    });
    const pod = await node.until("oom", (now) => now.status?.phase === "Failed");
    expect(pod.status!.containerStatuses![0]!.state!.terminated).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
    await node.remove("oom");
  });

  test("host namespaces are the host's", async () => {
    await node.create("host", {
      hostNetwork: true,
      hostPID: true,
      hostIPC: true,
      containers: [{ name: "main", image: BUSYBOX, command: forever }],
    });
    const pod = await node.until("host", allRunning);
    const own = namespacesOf(await pidOf(node, pod, "main"));
    const host = namespacesOf(process.pid);
    for (const kind of ["net", "ipc", "uts", "pid"]) expect(own[kind], kind).toBe(host[kind]);
    await node.remove("host", 1);
  });

  test("play in the foreground: prefixed logs, exit code of the failed container, nothing left", async () => {
    const file = join(node.scratch, "play.yaml");
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "played" },
        spec: {
          restartPolicy: "Never",
          containers: [{ name: "main", image: BUSYBOX, command: ["sh", "-c", "echo out; exit 7"] }],
        },
      }),
    );
    const played = await node.minke(["play", file]);
    expect(played.code).toBe(7);
    expect(played.stdout).toMatch(/main.*out/);
    expect((await node.minke(["get", "pods", "-o", "name"])).stdout).not.toContain("played");
  });
});
