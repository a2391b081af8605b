/** exec, attach, cp and port-forward by the real kubectl, in every version that is here and over every framing it speaks. */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { HttpRelay } from "../fixtures/http-relay.ts";
import { startHttpRelay } from "../fixtures/http-relay.ts";
import { kubectlEnv, kubectls, runKubectl } from "../fixtures/kubectl.ts";
import type { KubectlOutput } from "../fixtures/kubectl.ts";
import { allRunning, BUSYBOX, startTestNode } from "../fixtures/node.ts";
import type { TestNode } from "../fixtures/node.ts";
import { upgradeToSpdy } from "../fixtures/spdy-client.ts";

/** Versions that Kubernetes' users have; those that are not on this machine are counted as skipped. */
const MINORS = [27, 28, 29, 30, 31, 32, 33];
/** Peak of the daemon's memory over all of this file, in bytes: it moves gigabytes here, and keeps none. */
const DAEMON_BYTES_MAX = 320e6;

interface Way {
  readonly framing: "SPDY" | "WebSocket";
  readonly env: Readonly<Record<string, string>>;
  /** What the relay sees of exec and of port-forward. */
  readonly exec: string;
  readonly forward: string;
}

const SPDY: Way = {
  framing: "SPDY",
  env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" },
  exec: "SPDY/3.1",
  forward: "SPDY/3.1",
};
const WEB_SOCKET: Way = {
  framing: "WebSocket",
  env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "true", KUBECTL_PORT_FORWARD_WEBSOCKETS: "true" },
  exec: "websocket v5.channel.k8s.io",
  forward: "websocket SPDY/3.1+portforward.k8s.io",
};

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
  const common = { image: BUSYBOX, imagePullPolicy: "IfNotPresent" } as const;
  await node.create("p", {
    terminationGracePeriodSeconds: 0,
    containers: [
      { ...common, name: "c", command: ["sleep", "100000"] },
      { ...common, name: "shell", command: ["sh"], stdin: true },
      { ...common, name: "echo", command: ["nc", "-ll", "-p", "8080", "-e", "cat"] },
      {
        ...common,
        name: "zero",
        command: ["nc", "-ll", "-p", "8081", "-e", "dd", "if=/dev/zero", "bs=64k", "count=3200"],
      },
    ],
  });
  await node.until("p", allRunning);
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});
beforeEach(() => void relay.upgrades.splice(0));

/** One kubectl that speaks one framing. */
class Kubectl {
  readonly #path: string;
  readonly way: Way;

  constructor(path: string, way: Way) {
    this.#path = path;
    this.way = way;
  }

  async run(args: readonly string[], input: string | Uint8Array = ""): Promise<KubectlOutput> {
    return runKubectl(this.#path, kubeconfig, args, input, this.way.env);
  }

  spawn(args: readonly string[]): ChildProcess {
    return spawn(this.#path, [...args], { env: kubectlEnv(kubeconfig, this.way.env), stdio: "pipe" });
  }

  /** On a terminal of its own, whose output is that of the returned process, script(1). That one hangs on an open input. */
  onTerminal(args: readonly string[], ttyFile: string): ChildProcess {
    const line = `tty > ${ttyFile}; stty rows 45 cols 123; exec ${this.#path} ${args.join(" ")}`;
    const env = { ...kubectlEnv(kubeconfig, this.way.env), SHELL: "/bin/sh" };
    return spawn("script", ["-qec", line, "/dev/null"], { env, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Forwards `port` while `work` runs with the local one. */
  async forwarding<T>(port: number, work: (local: number) => Promise<T>): Promise<T> {
    const child = this.spawn(["port-forward", "p", `:${port}`, "--address", "127.0.0.1"]);
    try {
      const text = reader(child);
      let local: string | undefined;
      while ((local = /127\.0\.0\.1:(\d+)/.exec(text())?.[1]) === undefined) {
        if (child.exitCode !== null) throw new Error(`port-forward: ${text()}`);
        await pause(10);
      }
      return await work(Number(local));
    } finally {
      await end(child);
    }
  }
}

const found = (minor: number): string | undefined => kubectls().find((path) => path.endsWith(`kubectl.1.${minor}`));
const CASES = MINORS.flatMap((minor) => [
  { minor, way: SPDY },
  // Before, kubectl has the one and not the other, or neither.
  ...(minor >= 30 ? [{ minor, way: WEB_SOCKET }] : []),
]).map(({ minor, way }) => ({ name: `kubectl 1.${minor} over ${way.framing}`, path: found(minor), way }));
const first = CASES.find(({ path, way }) => path && way === SPDY);
const last = CASES.findLast(({ path, way }) => path && way === WEB_SOCKET);

for (const { name, path, way } of CASES) {
  describe.skipIf(path === undefined)(name, () => {
    const kubectl = new Kubectl(path!, way);

    test("exec keeps output, errors and exit code apart, and passes bytes and their end", async () => {
      const told = await kubectl.run(["exec", "p", "-c", "c", "--", "sh", "-c", "echo out; echo err >&2; exit 42"]);
      expect(told).toEqual({
        code: 42,
        stdout: "out\n",
        stderr: "err\ncommand terminated with exit code 42\n",
      });
      const bytes = randomBytes(3 * 1024 * 1024);
      const { stdout } = await kubectl.run(["exec", "-i", "p", "-c", "c", "--", "sha256sum"], bytes);
      expect(stdout.split(" ")[0]).toBe(sha256(bytes));
      const missing = await kubectl.run(["exec", "p", "-c", "c", "--", "/missing"]);
      expect(missing.code).not.toBe(0);
      expect(relay.upgrades).toEqual([way.exec, way.exec, way.exec]);
    });

    test("exec has a terminal, of the size of ours", async () => {
      const script =
        "size() { until [ \"$(stty size)\" = \"$1\" ]; do sleep 0.05; done; echo $1; }; size '45 123'; size '50 99'; exit 7";
      const ttyFile = join(node.scratch, "tty");
      const child = kubectl.onTerminal(["exec", "-it", "p", "-c", "c", "--", "sh", "-c", quoted(script)], ttyFile);
      const text = reader(child);
      await until(() => text().includes("45 123"), text);
      execFileSync("stty", ["-F", readFileSync(ttyFile, "utf8").trim(), "rows", "50", "cols", "99"]);
      const [code] = (await once(child, "exit")) as [number];
      expect({ code, text: text() }).toEqual({ code: 7, text: expect.stringContaining("50 99\r\n") });
      expect(relay.upgrades).toEqual([way.exec]);
    });

    test("attach joins the container's process, which lives on", async () => {
      const child = kubectl.spawn(["attach", "-i", "p", "-c", "shell"]);
      const text = reader(child);
      child.stdin!.write("echo joined-$((1 + 1))\n");
      await until(() => text().includes("joined-2"), text);
      await end(child);
      expect(
        (await node.client.pods("default").get("p")).status?.containerStatuses?.map((c) => c.restartCount),
      ).toEqual([0, 0, 0, 0]);
    });

    test("cp takes a large tree in and out again", async () => {
      const tree = mkdtempSync(join(node.scratch, "tree-"));
      for (let folder = 0; folder < 20; folder++) {
        mkdirSync(join(tree, `${folder}`));
        for (let file = 0; file < 20; file++)
          writeFileSync(join(tree, `${folder}/${file}`), `${folder}.${file}\n`.repeat(file));
      }
      writeFileSync(join(tree, "big"), randomBytes(8 * 1024 * 1024));
      const there = `/tmp/${tree.slice(-6)}`;
      expect(await kubectl.run(["cp", tree, `p:${there}`, "-c", "c"])).toMatchObject({ code: 0 });
      const back = `${tree}-back`;
      expect(await kubectl.run(["cp", `p:${there}`, back, "-c", "c"])).toMatchObject({ code: 0 });
      expect(execFileSync("diff", ["-r", tree, back], { encoding: "utf8" })).toBe("");
    });

    test("port-forward carries many connections at a time, and much", async () => {
      await kubectl.forwarding(8080, async (local) => {
        const many = Array.from({ length: 40 }, (_, index) => echo(local, Buffer.from(`hello ${index}\n`)));
        expect((await Promise.all(many)).map(String)).toEqual(many.map((_, index) => `hello ${index}\n`));
        const bytes = randomBytes(16 * 1024 * 1024);
        expect(sha256(await echo(local, bytes))).toBe(sha256(bytes));
      });
      expect(relay.upgrades).toEqual([way.forward]);
    });
  });
}

for (const chosen of [first, last]) {
  describe.skipIf(!chosen)(`${chosen?.name ?? "no kubectl"}: the daemon`, () => {
    const kubectl = new Kubectl(chosen?.path ?? "", chosen?.way ?? SPDY);
    const MUCH = ["exec", "p", "-c", "c", "--", "dd", "if=/dev/zero", "bs=64k"];

    test("moves 200 MB out of exec and of port-forward", async () => {
      expect(await bytesOf(kubectl.spawn([...MUCH, "count=3200"]))).toBe(3200 * 65_536);
      await kubectl.forwarding(8081, async (local) => {
        const socket = connect(local, "127.0.0.1");
        let bytes = 0;
        for await (const chunk of socket) bytes += (chunk as Buffer).length;
        expect(bytes).toBe(3200 * 65_536);
      });
    });

    test("makes a process wait for a slow reader, in bounded memory", async () => {
      const before = memoryOf(node.pid()).rss;
      const child = kubectl.spawn([...MUCH, "count=16000"]);
      await once(child.stdout!, "readable");
      // A gigabyte would be through by now if nothing held it back.
      for (let sample = 0; sample < 20; sample++) {
        await pause(100);
        expect(memoryOf(node.pid()).rss - before).toBeLessThan(100e6);
      }
      expect((await commandsInside()).filter((command) => /^dd .*count.16000/.test(command))).toHaveLength(1);
      expect(await bytesOf(child)).toBe(16_000 * 65_536);
    });

    test("of a client that vanishes keeps no process and no descriptor", async () => {
      await kubectl.run(["exec", "p", "-c", "c", "--", "true"]);
      const before = await settled(() => descriptorsOf(node.pid()));
      const children = [
        kubectl.spawn(["exec", "p", "-c", "c", "--", "sleep", "54321"]),
        kubectl.spawn(["exec", "-i", "p", "-c", "c", "--", "sh", "-c", "cat; sleep 54322"]),
        kubectl.spawn([...MUCH, "count=99999"]),
      ];
      const inside = async (): Promise<string[]> =>
        (await commandsInside()).filter((command) => /^sleep 5432|^cat$|count.99999/.test(command));
      await until(
        async () => (await inside()).length === 3,
        async () => (await inside()).join(),
      );
      await kubectl.forwarding(8080, async (local) => {
        const socket = connect(local, "127.0.0.1").on("error", () => {});
        socket.write("hello");
        await once(socket, "data");
        for (const child of children) child.kill("SIGKILL");
        await until(
          async () => (await inside()).length === 0,
          async () => (await inside()).join(),
        );
      });
      await until(
        () => descriptorsOf(node.pid()) <= before,
        () => `${descriptorsOf(node.pid())} descriptors, ${before} before`,
      );
    });
  });
}

test("the daemon's memory was bounded all the time", () => {
  expect(memoryOf(node.pid()).peak).toBeLessThan(DAEMON_BYTES_MAX);
});

test("garbage behind the switch to SPDY ends that connection and its process only", async () => {
  const path = "/api/v1/namespaces/default/pods/p/exec?container=c&command=sleep&command=65432&stdout=true";
  const { client } = await upgradeToSpdy({ socketPath: join(node.state, "api.sock"), path }, ["v4.channel.k8s.io"]);
  for (const streamtype of ["error", "stdout"]) await client.open({ streamtype });
  await until(
    async () => (await commandsInside()).includes("sleep 65432"),
    () => "no process",
  );
  client.transport.write(randomBytes(100_000));
  await client.closed;
  await until(
    async () => !(await commandsInside()).includes("sleep 65432"),
    () => "the process is still there",
  );
  expect((await node.minke(["exec", "p", "-c", "c", "--", "echo", "well"])).stdout).toBe("well\n");
});

test.skipIf(!first || !last)("a daemon that is stopped ends its sessions", async () => {
  const children = [first!, last!].map(({ path, way }) =>
    new Kubectl(path!, way).spawn(["exec", "p", "-c", "c", "--", "sleep", "76543"]),
  );
  const sleepers = async (): Promise<string[]> =>
    (await commandsInside()).filter((command) => command === "sleep 76543");
  await until(
    async () => (await sleepers()).length === 2,
    () => "not started",
  );
  const exits = children.map((child) => once(child, "exit") as Promise<[number]>);
  await node.stop("SIGTERM");
  for (const exit of exits) expect((await exit)[0]).not.toBe(0);
  await node.start();
  expect(await sleepers()).toEqual([]);
});

/** Command lines of all processes in the container. */
async function commandsInside(): Promise<string[]> {
  const { stdout } = await node.minke(["exec", "p", "-c", "c", "--", "ps", "-o", "args"]);
  return stdout.split("\n").map((line) => line.trim());
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function memoryOf(pid: number): { readonly rss: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [rss, peak] = ["VmRSS", "VmHWM"].map(
    (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) * 1024,
  );
  return { rss: rss!, peak: peak! };
}

/** Sends all, and resolves with what came back when as much has come. */
async function echo(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  const chunks: Buffer[] = [];
  let left = bytes.length;
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    left -= (chunk as Buffer).length;
    if (left <= 0) break;
  }
  return Buffer.concat(chunks);
}

async function bytesOf(child: ChildProcess): Promise<number> {
  child.stderr!.resume();
  let bytes = 0;
  for await (const chunk of child.stdout!) bytes += (chunk as Buffer).length;
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(0);
  return bytes;
}

/** All that the child has written so far. */
function reader(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function until(
  condition: () => boolean | Promise<boolean>,
  evidence: () => string | Promise<string>,
): Promise<void> {
  for (const endMs = Date.now() + 30_000; !(await condition()); await pause(20)) {
    if (Date.now() > endMs) throw new Error(`it did not come to be: ${await evidence()}`);
  }
}

/** The value once it has stayed the same for a while. */
async function settled(value: () => number): Promise<number> {
  for (let seen = value(), same = 0; ; await pause(50)) {
    [seen, same] = value() === seen ? [seen, same + 1] : [value(), 0];
    if (same === 10) return seen;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** For the shell, inside single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
