/** Bad input and broken hosts: a message with object, field, value and remedy, and nothing left behind (the audit at the end). */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Pod, PodSpec } from "../../src/api/gen/types.ts";
import { busyboxTar } from "../fixtures/busybox.ts";
import { scaled } from "../fixtures/emulated.ts";
import { freePort } from "../fixtures/free-port.ts";
import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

const waiting = (pod: Pod): { reason?: string; message?: string } =>
  pod.status?.containerStatuses?.[0]?.state?.waiting ?? {};

const HOOK_MS = scaled(120_000, 300_000);
let node: TestNode;
beforeAll(async () => {
  node = await startTestNode();
}, HOOK_MS);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
}, HOOK_MS);

async function eventOf(name: string, reason: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const { items } = await node.client.events("default").list();
    const found = items.find((event) => event.involvedObject.name === name && event.reason === reason);
    if (found) return found.message ?? "";
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no event ${reason} of ${name}`);
}

describe("manifests that are refused", () => {
  const play = async (text: string): Promise<{ code: number; stderr: string }> =>
    node.minke(["apply", "-f", "-"], text);

  test("broken YAML: line and column", async () => {
    const { code, stderr } = await play("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  labels: {a: b\n");
    expect(code).toBe(1);
    expect(stderr).toMatch(/:\d+:\d+/);
  });

  test("unknown field: its path", async () => {
    const { code, stderr } = await play(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - {name: a, image: b, comand: [c]}\n",
    );
    expect(code).toBe(1);
    expect(stderr).toContain('unknown field "spec.containers[0].comand"');
  });

  test("wrong type: path and value", async () => {
    const { code, stderr } = await play(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - {name: a, image: b, ports: [{containerPort: http}]}\n",
    );
    expect(code).toBe(1);
    expect(stderr).toContain("containerPort");
  });

  test("a value that Kubernetes forbids: its words", async () => {
    const { stderr } = await play(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: Big}\nspec:\n  restartPolicy: Sometimes\n  containers: [{name: a}]\n",
    );
    expect(stderr).toContain('The Pod "Big" is invalid');
    expect(stderr).toContain(
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    );
    expect(stderr).toContain("spec.containers[0].image: Required value");
  });

  test("a field that Minke does not honour: refused by its path, or a warning", async () => {
    const sidecar =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  initContainers: [{name: s, image: b, restartPolicy: Always}]\n  containers: [{name: a, image: b}]\n";
    expect((await play(sidecar)).stderr).toContain("spec.initContainers[0].restartPolicy");
  });
});

describe("Pods that can not run", () => {
  const start = async (name: string, spec: PodSpec): Promise<void> => {
    await node.create(name, { restartPolicy: "Never", terminationGracePeriodSeconds: 1, ...spec });
  };

  test("missing image: ErrImagePull, then ImagePullBackOff, naming the image", async () => {
    await start("noimage", { containers: [{ name: "a", image: "localhost/absent:1" }] });
    const pod = await node.until("noimage", (now) =>
      /^(ErrImagePull|ImagePullBackOff)$/.test(waiting(now).reason ?? ""),
    );
    expect(waiting(pod).message).toContain("localhost/absent:1");
    await node.remove("noimage");
  });

  test("imagePullPolicy Never: ErrImageNeverPull", async () => {
    await start("never", { containers: [{ name: "a", image: "localhost/absent:1", imagePullPolicy: "Never" }] });
    const pod = await node.until("never", (now) => waiting(now).reason === "ErrImageNeverPull");
    expect(waiting(pod).message).toBe('Container image "localhost/absent:1" is not present with pull policy of Never');
    await node.remove("never");
  });

  test("command not found: StartError, 128", async () => {
    await start("nocommand", { containers: [{ name: "a", image: BUSYBOX, command: ["/no/such/program"] }] });
    const pod = await node.until("nocommand", (now) => now.status?.phase === "Failed");
    const { terminated } = pod.status!.containerStatuses![0]!.state!;
    expect(terminated).toMatchObject({ reason: "StartError", exitCode: 128 });
    expect(terminated!.message).toContain("/no/such/program");
    await node.remove("nocommand");
  });

  test("hostPath of the wrong type: FailedMount with path and type", async () => {
    await start("hostpath", {
      containers: [{ name: "a", image: BUSYBOX, volumeMounts: [{ name: "v", mountPath: "/v" }] }],
      volumes: [{ name: "v", hostPath: { path: join(node.scratch, "absent"), type: "Directory" } }],
    });
    expect(await eventOf("hostpath", "FailedMount")).toContain("hostPath type check failed");
    await node.remove("hostpath");
  });

  test("unwritable hostPath: FailedMount with the path", async () => {
    await start("readonly", {
      containers: [{ name: "a", image: BUSYBOX, volumeMounts: [{ name: "v", mountPath: "/v" }] }],
      volumes: [{ name: "v", hostPath: { path: "/proc/minke-can-not-be", type: "DirectoryOrCreate" } }],
    });
    expect(await eventOf("readonly", "FailedMount")).toContain("/proc/minke-can-not-be");
    await node.remove("readonly");
  });

  test("host port in use: names port and protocol", async () => {
    const port = await freePort();
    const server = createServer().listen(port, "0.0.0.0");
    await new Promise((resolve) => server.once("listening", resolve));
    await start("port", {
      containers: [
        { name: "a", image: BUSYBOX, command: ["sleep", "9"], ports: [{ containerPort: 80, hostPort: port }] },
      ],
    });
    expect(await eventOf("port", "FailedCreatePodSandBox")).toContain(
      `Cannot publish host port ${port}/TCP: a process of the host listens on it`,
    );
    server.close();
    await node.until("port", allRunning);
    await node.remove("port", 1);
  });

  test("runAsNonRoot with a root image: CreateContainerConfigError in the kubelet's words", async () => {
    await start("nonroot", { containers: [{ name: "a", image: BUSYBOX, securityContext: { runAsNonRoot: true } }] });
    const pod = await node.until("nonroot", (now) => waiting(now).reason === "CreateContainerConfigError");
    expect(waiting(pod).message).toContain("container has runAsNonRoot and image will run as root");
    await node.remove("nonroot");
  });

  test("missing ConfigMap in env: CreateContainerConfigError naming it; it runs once the ConfigMap is there", async () => {
    await start("noconfig", {
      containers: [
        {
          name: "a",
          image: BUSYBOX,
          command: ["sh", "-c", "echo $X; sleep 1000"],
          env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "late", key: "x" } } }],
        },
      ],
    });
    const pod = await node.until("noconfig", (now) => waiting(now).reason === "CreateContainerConfigError");
    expect(waiting(pod).message).toContain('configmap "late" not found');
    await node.client
      .configMaps("default")
      .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "late" }, data: { x: "now" } });
    await node.until("noconfig", allRunning);
    expect((await node.minke(["logs", "noconfig"])).stdout).toBe("now\n");
    await node.remove("noconfig", 1);
  });

  test("a corrupt blob: the image is refused by name, and a good one loads afterwards", async () => {
    const name = "localhost/rotten:latest";
    const other = join(node.scratch, "other");
    mkdirSync(other);
    writeFileSync(join(other, "unique"), node.instance);
    execFileSync("tar", ["-C", other, "-cf", join(node.scratch, "other.tar"), "."]);
    const blobs = join(node.root, "images/blobs/sha256");
    const before = new Set(readdirSync(blobs));
    await node.minke(["image", "import", join(node.scratch, "other.tar"), name, "--entrypoint", "/unique"]);
    const layer = readdirSync(blobs)
      .filter((blob) => !before.has(blob))
      .sort((a, b) => statSync(join(blobs, b)).size - statSync(join(blobs, a)).size)[0]!;
    truncateSync(join(blobs, layer), 600);
    rmSync(join(node.root, "layers"), { recursive: true, force: true });
    mkdirSync(join(node.root, "layers"));
    await node.stop("SIGKILL");
    await node.start();
    await start("rotten", { containers: [{ name: "a", image: name }] });
    const pod = await node.until(
      "rotten",
      (now) => waiting(now).message !== undefined && waiting(now).reason !== "ContainerCreating",
    );
    expect(waiting(pod).message).toMatch(/digest|corrupt|truncated/i);
    await node.remove("rotten");
    await node.minke(["image", "rm", name]);
  });

  test("a full disk: a clear failure, and success once there is room", async () => {
    const tar = busyboxTar();
    const small = join(node.scratch, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
    try {
      const place = [
        "--instance",
        `${node.instance}f`,
        "--root",
        join(small, "root"),
        "--state",
        join(node.scratch, "fullstate"),
      ];
      const bin = new URL("../../bin/minke", import.meta.url).pathname;
      const full = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
        const child = spawn(bin, ["image", "import", tar, "localhost/b", ...place], {
          stdio: ["ignore", "ignore", "pipe"],
        });
        let stderr = "";
        child.stderr.on("data", (text) => (stderr += String(text)));
        child.once("exit", (code) => resolve({ code, stderr }));
      });
      expect(full.code).toBe(1);
      expect(full.stderr).toMatch(/no space left|disk is full/i);
      execFileSync("mount", ["-o", "remount,size=200m", small]);
      execFileSync(bin, ["image", "import", tar, "localhost/b", ...place]);
      execFileSync(bin, ["reset", "--yes", ...place]);
    } finally {
      execFileSync("umount", ["-l", small]);
    }
  });
});

describe("broken hosts", () => {
  const bin = new URL("../../bin/minke", import.meta.url).pathname;
  const serve = async (...args: string[]): Promise<{ code: number | null; stderr: string }> => {
    const place = [
      "--instance",
      `${node.instance}b`,
      "--root",
      join(node.scratch, "broot"),
      "--state",
      join(node.scratch, "bstate"),
    ];
    return new Promise((resolve) => {
      const child = spawn(bin, ["serve", ...place, ...args], { stdio: ["ignore", "ignore", "pipe"] });
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      let stderr = "";
      child.stderr.on("data", (text) => (stderr += String(text)));
      child.once("exit", (code) => {
        clearTimeout(timer);
        execFileSync(bin, ["reset", "--yes", ...place]);
        resolve({ code, stderr });
      });
    });
  };

  test("missing crun: says so, and what to install", async () => {
    const { code, stderr } = await serve("--crun", "/nonexistent/crun");
    expect(code).toBe(1);
    expect(stderr).toContain("/nonexistent/crun");
    expect(stderr).toContain("apt-get install crun");
  });

  test("no CNI plugin: says which, and what to install", async () => {
    const { code, stderr } = await serve("--cni-bin-dirs", "/nonexistent");
    expect(code).toBe(1);
    expect(stderr).toContain("containernetworking-plugins");
  });

  test("two daemons of one instance: the second is refused", async () => {
    const second = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(bin, ["serve", "--instance", node.instance, "--root", node.root, "--state", node.state], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let stderr = "";
      child.stderr.on("data", (text) => (stderr += String(text)));
      child.once("exit", (code) => resolve({ code, stderr }));
    });
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/already runs|running|in use/);
  });
});
