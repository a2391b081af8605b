/** Minke itself: a node of its own instance, spoken to through its API socket, as any client would. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve as absolute } from "node:path";

import { type BenchPod, call, watchPods } from "./api.ts";
import { COMMAND, type Figures, type Subject } from "./figures.ts";
import { cpuSeconds, memoryKb, pause, pidsOf, run, timed, until } from "./process.ts";

/** The bundle that the npm package ships, run by the Node of this checkout. */
const BIN = process.execPath;
const ARGS = ["--max-semi-space-size=4", absolute(import.meta.dirname, "../dist/bin/minke.js")];
const IMAGE = "localhost/minke-bench:latest";
const IDLE_SECONDS = 20;
const PODS = "/api/v1/namespaces/default/pods";

export async function minke({ image, rounds, burst, log }: Subject): Promise<Figures> {
  const scratch = mkdtempSync(join(tmpdir(), "minke-bench-"));
  // As by default: what lasts on the disk, what a reboot clears on the tmpfs of /run.
  const root = join(scratch, "root");
  const state = `/run/minke-bench-${process.pid}`;
  const place = ["--instance", "bench", "--root", root, "--state", state];
  const socket = join(state, "api.sock");
  await run(BIN, [absolute(import.meta.dirname, "../tools/build.ts")]);
  const out = join(scratch, "out");
  mkdirSync(out);
  const figures: Figures = { startMs: [], stopMs: [], crashMs: [], execMs: [] };
  const began = performance.now();
  const daemon = spawn(BIN, [...ARGS, "serve", ...place, "--log-level", "warn"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const gone = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  // Before its shell has set the trap, TERM does not end a container's first process.
  const settled = async (name: string): Promise<void> =>
    until(() => ["a", "b"].every((each) => existsSync(join(out, `${each}-${name}`))), `the trap of ${name}`);
  try {
    const answers = async (): Promise<boolean> =>
      call(socket, "GET", "/version").then(
        () => true,
        () => false,
      );
    while (!(await answers())) await pause(2);
    figures.bootMs = performance.now() - began;
    await run(BIN, [...ARGS, "image", "import", image.tar, IMAGE, ...place]);
    const pods = await PodTable.open(socket);
    try {
      for (let round = 0; round <= rounds; round++) {
        const name = `bench-${round}`;
        const start = await timed(async () => {
          await call(socket, "POST", PODS, manifest(name, out));
          await pods.until(name, (pod) => runningOf(pod) === 2);
        });
        await settled(name);
        if (round === 1) {
          figures.crashMs!.push(await crash(name, out, socket, root));
          for (let i = 0; i < rounds; i++) figures.execMs!.push(await exec(socket, name));
        }
        const stop = await timed(async () => {
          await call(socket, "DELETE", `${PODS}/${name}`);
          await pods.until(name, (pod) => pod === undefined);
        });
        if (round > 0) {
          figures.startMs.push(start);
          figures.stopMs!.push(stop);
        }
      }
      // A first restart is immediate, a second waits for its back-off: so a Pod per crash.
      for (let i = 0; i < Math.min(rounds, 5); i++) {
        const name = `crash-${i}`;
        await call(socket, "POST", PODS, manifest(name, out));
        await pods.until(name, (pod) => runningOf(pod) === 2);
        await settled(name);
        figures.crashMs!.push(await crash(name, out, socket, root));
        await call(socket, "DELETE", `${PODS}/${name}`);
        await pods.until(name, (pod) => pod === undefined);
      }
      log(`${rounds} rounds done`);
      await bursts(figures, socket, pods, burst, out, log, daemon.pid!);
    } finally {
      pods.close();
    }
  } finally {
    daemon.kill("SIGTERM");
    await gone;
    await run(BIN, [...ARGS, "reset", "--yes", ...place], { ok: true });
    rmSync(scratch, { recursive: true, force: true });
  }
  return figures;
}

async function bursts(
  figures: Figures,
  socket: string,
  pods: PodTable,
  burst: number,
  out: string,
  log: (line: string) => void,
  daemon: number,
): Promise<void> {
  const names = Array.from({ length: burst }, (_, i) => `burst-${i}`);
  const rssBefore = memoryKb(daemon, "Rss");
  const ms = await timed(async () => {
    await Promise.all(names.map(async (name) => call(socket, "POST", PODS, manifest(name, out))));
    await Promise.all(names.map(async (name) => pods.until(name, (pod) => runningOf(pod) === 2, 60_000)));
  });
  figures.burstPerSecond = burst / (ms / 1000);
  figures.burstUp = names.reduce((sum, name) => sum + runningOf(pods.get(name)), 0);
  log(`burst of ${burst}: ${ms.toFixed(0)} ms`);
  await pause(3000);
  // The tree of the daemon: the wrapper has become it by exec; the agent is its child.
  const tree = [
    daemon,
    ...pidsOf("perl", "agent.pl").filter(
      (pid) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[1] === String(daemon),
    ),
  ];
  const before = cpuSeconds(tree);
  await pause(IDLE_SECONDS * 1000);
  figures.idleCpuPercent = ((cpuSeconds(tree) - before) / IDLE_SECONDS) * 100;
  figures.idleRssMb = tree.reduce((sum, pid) => sum + memoryKb(pid, "Rss"), 0) / 1024;
  const monitors = pidsOf("conmon", "bench").reduce((sum, pid) => sum + memoryKb(pid, "Pss"), 0);
  const growth = Math.max(0, memoryKb(daemon, "Rss") - rssBefore);
  figures.podMemoryMb = (monitors + growth) / burst / 1024;
  log(
    `idle: daemon ${(memoryKb(daemon, "Rss") / 1024).toFixed(1)} MB, monitors ${(monitors / burst / 1024).toFixed(2)} MB a Pod`,
  );
  const down = await timed(async () => {
    await Promise.all(names.map(async (name) => call(socket, "DELETE", `${PODS}/${name}`)));
    await Promise.all(names.map(async (name) => pods.until(name, (pod) => pod === undefined, 60_000)));
  });
  log(`removal of ${burst}: ${down.toFixed(0)} ms`);
}

/** Kills process 1 of container `a` and waits for the line that its successor writes. */
async function crash(name: string, out: string, socket: string, root: string): Promise<number> {
  const file = join(out, `a-${name}`);
  const size = (): number => readFileSync(file, "utf8").length;
  const before = size();
  const pod = await call<{ status: { containerStatuses: { name: string; containerID: string }[] } }>(
    socket,
    "GET",
    `${PODS}/${name}`,
  );
  const id = pod.status.containerStatuses.find((status) => status.name === "a")!.containerID.split("//")[1]!;
  const checkpoint = readFileSync(join(root, `containers/${id}/container.json`), "utf8");
  const pid = Number(/"process":\s*\{\s*"pid":\s*(\d+)/.exec(checkpoint)![1]);
  return timed(async () => {
    process.kill(pid, "SIGKILL");
    await until(() => size() > before, "the restart");
  });
}

/** An exec through the API's WebSocket, from the request to the status that ends it. */
async function exec(socket: string, name: string): Promise<number> {
  const { WebSocket } = await import("ws");
  return timed(
    async () =>
      new Promise<void>((resolve, reject) => {
        const client = new WebSocket(
          `ws+unix://${socket}:${PODS}/${name}/exec?container=a&command=/bin/true&stdout=true&stderr=true`,
          "v5.channel.k8s.io",
        );
        client.once("close", () => resolve());
        client.once("error", reject);
      }),
  );
}

const runningOf = (pod: BenchPod | undefined): number =>
  (pod?.status?.containerStatuses ?? []).filter((status) => status.state.running !== undefined).length;

/** The Pods as a watch tells them, with waits that look at what is known before they wait. */
class PodTable {
  readonly #pods = new Map<string, BenchPod>();
  readonly #waiting = new Set<() => void>();
  #end: () => void = () => {};

  static async open(socket: string): Promise<PodTable> {
    const table = new PodTable();
    table.#end = await watchPods(socket, (type, pod) => {
      if (type === "DELETED") table.#pods.delete(pod.metadata.name);
      else table.#pods.set(pod.metadata.name, pod);
      for (const check of table.#waiting) check();
    });
    return table;
  }

  get(name: string): BenchPod | undefined {
    return this.#pods.get(name);
  }

  async until(name: string, condition: (pod: BenchPod | undefined) => boolean, timeoutMs = 20_000): Promise<void> {
    if (condition(this.get(name))) return;
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (!condition(this.get(name))) return;
        this.#waiting.delete(check);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`Timed out waiting for Pod ${name}: ${JSON.stringify(this.get(name)?.status)}`));
      }, timeoutMs);
      this.#waiting.add(check);
    });
  }

  close(): void {
    this.#end();
  }
}

function manifest(name: string, out: string): unknown {
  const container = (suffix: string): unknown => ({
    name: suffix,
    image: IMAGE,
    imagePullPolicy: "Never",
    command: COMMAND,
    env: [{ name: "NAME", value: `${suffix}-${name}` }],
    volumeMounts: [{ name: "out", mountPath: "/out" }],
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Always",
      containers: [container("a"), container("b")],
      volumes: [{ name: "out", hostPath: { path: out } }],
    },
  };
}
