/**
 * crictl drives a whole Pod on the CRI socket. Runs where crictl and docker-registry are installed (build-critest.ts builds
 * crictl); CONFORMANCE_RUNTIME=containerd runs the same against containerd, so that the test itself is judged too.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startContainerd } from "./containerd.ts";
import { buildConformanceImages } from "./images/build.ts";
import { startMinke } from "./minke.ts";
import { endOf, onPath, outputOf } from "./program.ts";
import { freePort } from "../fixtures/free-port.ts";
import { startRegistry } from "./registry.ts";

const BUSYBOX = "registry.k8s.io/e2e-test-images/busybox:1.29-2";
const NGINX = "registry.k8s.io/e2e-test-images/nginx:1.14-2";
const LATEST = "gcr.io/k8s-staging-cri-tools/test-image-latest";
const missing = ["crictl", "docker-registry", "skopeo"].filter((program) => onPath(program) === undefined);
const onContainerd = process.env["CONFORMANCE_RUNTIME"] === "containerd";
/** Milliseconds that something gets to become true. */
const UNTIL_MS = 30_000;

if (missing.length > 0) console.warn(`crictl tests skipped: ${missing.join(", ")} not installed`);

describe.skipIf(missing.length > 0)("crictl", () => {
  const resources = new AsyncDisposableStack();
  let scratch: string;
  let configuration: string;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "minke-crictl-"));
    configuration = join(scratch, "crictl.yaml");
    const registry = resources.use(await startRegistry(await buildConformanceImages(console.warn), scratch));
    const start = onContainerd ? startContainerd : startMinke;
    const { endpoint } = resources.use(await start({ scratch, hosts: registry.hosts }));
    writeFileSync(configuration, `runtime-endpoint: ${endpoint}\ntimeout: 60\n`);
  }, 180_000);

  afterAll(async () => {
    await resources.disposeAsync();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function crictl(...args: string[]): Promise<string> {
    return await new Promise((done, fail) => {
      execFile("crictl", ["--config", configuration, ...args], { maxBuffer: 16 << 20 }, (error, stdout, stderr) =>
        error ? fail(new Error(`crictl ${args.join(" ")}: ${stderr}`, { cause: error })) : done(stdout.trim()),
      );
    });
  }

  function crictlChild(args: readonly string[]): ChildProcess {
    return spawn("crictl", ["--config", configuration, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  }

  /** Writes a configuration file and returns its path. */
  function config(name: string, value: unknown): string {
    const path = join(scratch, `${name}.json`);
    writeFileSync(path, JSON.stringify(value));
    return path;
  }

  function podConfig(name: string): string {
    const log_directory = join(scratch, "logs", name);
    mkdirSync(log_directory, { recursive: true });
    const metadata = { name, namespace: "default", uid: `uid-${name}`, attempt: 1 };
    return config(name, { metadata, log_directory, labels: { app: name }, linux: {} });
  }

  async function json(...args: string[]): Promise<unknown> {
    return JSON.parse(await crictl(...args));
  }

  /** Waits until `look` gives a value that is not undefined. */
  async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + UNTIL_MS;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      if (performance.now() > deadline) throw new Error(`timed out waiting for ${what}`);
      await pause(50);
    }
  }

  test("info, version and the image file system answer", async () => {
    expect(await crictl("version")).toContain("RuntimeName:");
    for (const type of ["RuntimeReady", "NetworkReady"]) {
      const conditions = expect.arrayContaining([expect.objectContaining({ type, status: true })]);
      expect(await json("info")).toMatchObject({ status: { conditions } });
    }
    const fsId = { mountpoint: expect.stringMatching(/^\//) };
    expect(await json("imagefsinfo")).toMatchObject({ status: { imageFilesystems: [{ fsId }] } });
  });

  test("an image is pulled, listed, inspected and removed", async () => {
    expect(await crictl("pull", LATEST)).toContain("Image is up to date");
    const id = `sha256:${(await crictl("images", "--no-trunc", "-q", LATEST)).replace("sha256:", "")}`;
    const described = { info: expect.anything(), status: { id, repoTags: [`${LATEST}:latest`] } };
    expect(await json("inspecti", LATEST)).toMatchObject(described);
    expect(await json("inspecti", id)).toMatchObject(described);
    expect(await crictl("rmi", LATEST)).toContain("Deleted");
    expect(await crictl("images", "-q", LATEST)).toBe("");
    await expect(crictl("pull", "localhost/wrong")).rejects.toThrow("pulling image");
  });

  test("a pod lives: runp, create, start, exec, logs, stats, update, stop, rm, stopp, rmp", async () => {
    const events = crictlChild(["events"]);
    let seen = "";
    events.stdout!.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    await crictl("pull", BUSYBOX);
    const pod = podConfig("life");
    const container = config("life-container", {
      metadata: { name: "main", attempt: 0 },
      image: { image: BUSYBOX },
      command: ["sh", "-c", "echo started; echo warned >&2; exec sleep 600"],
      log_path: "main.log",
      linux: { resources: { memory_limit_in_bytes: 64 << 20, cpu_shares: 512 } },
    });
    const podId = await crictl("runp", pod);
    const id = await crictl("create", podId, container, pod);
    expect(await stateOf(id)).toBe("CONTAINER_CREATED");
    await crictl("start", id);

    expect(await crictl("pods", "-q", "--label", "app=life", "--state", "Ready")).toBe(podId);
    expect(await crictl("ps", "-q", "--pod", podId)).toBe(id);
    expect(await json("inspect", id)).toMatchObject({
      status: { state: "CONTAINER_RUNNING", metadata: { name: "main" } },
      info: expect.anything(),
    });
    expect(await json("inspectp", podId)).toMatchObject({
      status: {
        state: "SANDBOX_READY",
        metadata: { name: "life", attempt: 1 },
        network: { ip: expect.stringMatching(/^[0-9a-f.:]+$/) },
      },
      info: expect.anything(),
    });

    expect(await crictl("exec", "--sync", id, "echo", "by", "sync")).toBe("by sync");
    expect(await crictl("exec", id, "echo", "by", "stream")).toBe("by stream");
    await expect(crictl("exec", id, "sh", "-c", "exit 7")).rejects.toThrow("exit code 7");
    const cat = crictlChild(["exec", "-i", id, "cat"]);
    const echoed = outputOf(cat);
    cat.stdin!.end("through stdin\n");
    await new Promise((done) => cat.once("close", done));
    expect(echoed()).toContain("through stdin");

    const logs = await eventually("two lines of log", async () => {
      const { stdout, stderr } = await logsOf(id);
      return stdout.includes("started") && stderr.includes("warned") ? { stdout, stderr } : undefined;
    });
    expect(logs).toEqual({ stdout: "started\n", stderr: "warned\n" });

    const attributes = { id, metadata: { name: "main" } };
    expect(await json("stats", "-o", "json", "--id", id)).toMatchObject({ stats: [{ attributes }] });
    if (!onContainerd) {
      const ofPod = { attributes: { id: podId, metadata: { name: "life" } } };
      expect(await json("statsp", "-o", "json", "--id", podId)).toMatchObject({ stats: [ofPod] });
    }

    await crictl("update", "--memory", String(96 << 20), id);
    const limits = await crictl(
      "exec",
      "--sync",
      id,
      "sh",
      "-c",
      "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true",
    );
    expect(limits).toBe(String(96 << 20));

    await crictl("stop", id);
    expect(await stateOf(id)).toBe("CONTAINER_EXITED");
    await crictl("rm", id);
    expect(await crictl("ps", "-a", "-q", "--pod", podId)).toBe("");
    await crictl("stopp", podId);
    expect(await json("inspectp", podId)).toMatchObject({ status: { state: "SANDBOX_NOTREADY" } });
    await crictl("rmp", podId);
    expect(await crictl("pods", "-q", "--id", podId)).toBe("");
    if (!onContainerd) {
      for (const type of ["CREATED", "STARTED", "STOPPED", "DELETED"]) {
        await eventually(`the event ${type}`, async () => seen.includes(`CONTAINER_${type}_EVENT`) || undefined);
      }
    }
    await endOf(events);
  });

  test("port-forward reaches a server in the pod", async () => {
    await crictl("pull", NGINX);
    const pod = podConfig("forward");
    const container = config("forward-container", { metadata: { name: "web" }, image: { image: NGINX }, linux: {} });
    const podId = await crictl("runp", pod);
    await crictl("start", await crictl("create", podId, container, pod));
    const port = await freePort();
    const forward = crictlChild(["port-forward", podId, `${port}:80`]);
    const response = await eventually(
      "an answer through the port",
      async () => await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined),
    );
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("nginx\n");
    await endOf(forward);
    await crictl("rmp", "-f", podId);
  });

  test("run and attach: what is typed reaches the container, what it says comes back", async () => {
    const pod = podConfig("attached");
    const container = config("attached-container", {
      metadata: { name: "shell" },
      image: { image: BUSYBOX },
      command: ["sh"],
      stdin: true,
      stdin_once: true,
      log_path: "shell.log",
      linux: {},
    });
    const id = await crictl("run", container, pod);
    const attach = crictlChild(["attach", "-i", id]);
    const said = outputOf(attach);
    const ended = new Promise((done) => attach.once("close", done));
    attach.stdin!.end("echo heard $((40 + 2))\n");
    await ended;
    expect(said()).toContain("heard 42");
    await eventually("the shell's end", async () => (await stateOf(id)) === "CONTAINER_EXITED" || undefined);
    await crictl("rmp", "-f", await crictl("pods", "-q", "--label", "app=attached"));
  });

  test.skipIf(onContainerd)("metric descriptors and metrics of a pod", async () => {
    const pod = podConfig("metrics");
    const podId = await crictl("runp", pod);
    const descriptors = expect.arrayContaining([
      expect.objectContaining({ name: "container_memory_working_set_bytes" }),
    ]);
    expect(await json("metricdescs")).toMatchObject({ descriptors });
    const podMetrics = expect.arrayContaining([expect.objectContaining({ podSandboxId: podId })]);
    expect(await json("metricsp")).toMatchObject({ podMetrics });
    await crictl("rmp", "-f", podId);
  });

  async function stateOf(id: string): Promise<string> {
    return ((await json("inspect", id)) as { status: { state: string } }).status.state;
  }

  async function logsOf(id: string): Promise<{ stdout: string; stderr: string }> {
    return await new Promise((done, fail) =>
      execFile("crictl", ["--config", configuration, "logs", id], (error, stdout, stderr) =>
        error ? fail(error) : done({ stdout, stderr }),
      ),
    );
  }
});
