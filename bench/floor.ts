/**
 * The bare floor: the external calls that a two-container Pod can not do without, and no engine: pinned namespaces, the
 * CNI bridge plugin, and per container an overlay mount, conmon (which runs `crun create`) and `crun start`.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { COMMAND, type Figures, type Subject } from "./figures.ts";
import { run, timed } from "./process.ts";

const CNI = "/usr/lib/cni";
const BRIDGE = "mkbench0";

export async function floor({ image, rounds, burst, log }: Subject): Promise<Figures> {
  const scratch = mkdtempSync(join(tmpdir(), "minke-floor-"));
  const figures: Figures = { startMs: [], stopMs: [], execMs: [], crashMs: [] };
  const pods = new Pods(scratch, image.rootfs);
  try {
    for (let round = 0; round <= rounds; round++) {
      const start = await timed(async () => pods.start(round));
      if (round === 0) figures.execMs!.push(...(await execs(pods.idsOf(round)[0]!, rounds)));
      // What a restart can not do without: the container anew, beside the Pod's other one.
      const again = await timed(async () =>
        startContainer(`${pods.idsOf(round)[0]!}-again`, pods.folderOf(round), image.rootfs),
      );
      const stop = await timed(async () => pods.stop(round));
      if (round === 0) continue;
      figures.startMs.push(start);
      figures.crashMs!.push(again);
      figures.stopMs!.push(stop);
    }
    log(`${rounds} rounds done`);
    const many = Array.from({ length: burst }, (_, i) => 1000 + i);
    const ms = await timed(async () => Promise.all(many.map(async (number) => pods.start(number))));
    figures.burstPerSecond = burst / (ms / 1000);
    figures.burstUp = 2 * burst;
    log(`burst of ${burst}: ${ms.toFixed(0)} ms`);
    for (const number of many) await pods.stop(number);
  } finally {
    await run("sh", ["-c", `crun list -q | grep '^bench-${process.pid}-' | xargs -r -n1 crun delete -f`], { ok: true });
    await run("sh", ["-c", `grep -o ' ${scratch}[^ ]*' /proc/self/mounts | xargs -r umount -l`], { ok: true });
    await run("ip", ["link", "del", BRIDGE], { ok: true });
    rmSync(scratch, { recursive: true, force: true });
  }
  return figures;
}

/** The forty lines that a Pod needs without an engine. */
class Pods {
  readonly #scratch: string;
  readonly #rootfs: string;

  constructor(scratch: string, rootfs: string) {
    this.#scratch = scratch;
    this.#rootfs = rootfs;
  }

  folderOf(number: number): string {
    return join(this.#scratch, `pod${number}`);
  }

  idsOf(number: number): string[] {
    return ["a", "b"].map((name) => `bench-${process.pid}-${number}-${name}`);
  }

  async start(number: number): Promise<void> {
    const pod = this.folderOf(number);
    const ns = join(pod, "ns");
    mkdirSync(ns, { recursive: true });
    for (const kind of ["net", "ipc", "uts"]) writeFileSync(join(ns, kind), "");
    await run("unshare", [`--net=${ns}/net`, `--ipc=${ns}/ipc`, `--uts=${ns}/uts`, "true"]);
    await this.#cni("ADD", number);
    await Promise.all(this.idsOf(number).map(async (id) => startContainer(id, pod, this.#rootfs)));
  }

  async stop(number: number): Promise<void> {
    const pod = this.folderOf(number);
    const ids = [...this.idsOf(number), `${this.idsOf(number)[0]!}-again`];
    await Promise.all(ids.map(async (id) => run("crun", ["delete", "--force", id], { ok: true })));
    await this.#cni("DEL", number);
    const mounts = [
      ...ids.map((id) => join(pod, id, "rootfs")),
      ...["net", "ipc", "uts"].map((kind) => join(pod, "ns", kind)),
    ];
    await run("umount", mounts, { ok: true });
  }

  async #cni(command: string, number: number): Promise<void> {
    const leases = join(this.#scratch, "leases");
    const ipam = { type: "host-local", subnet: "10.199.0.0/16", dataDir: leases };
    const network = { cniVersion: "1.0.0", name: "minke-bench", type: "bridge", bridge: BRIDGE, isGateway: true, ipam };
    const env = cniEnv(command, `pod${number}`, join(this.folderOf(number), "ns/net"));
    await run(`${CNI}/bridge`, [], { env, input: JSON.stringify(network) });
  }
}

async function execs(id: string, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) times.push(await timed(async () => run("crun", ["exec", id, "/bin/true"])));
  return times;
}

const cniEnv = (command: string, id: string, netns: string): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  CNI_COMMAND: command,
  CNI_CONTAINERID: id,
  CNI_NETNS: netns,
  CNI_IFNAME: "eth0",
  CNI_PATH: CNI,
});

async function startContainer(id: string, pod: string, rootfs: string): Promise<void> {
  const bundle = join(pod, id);
  for (const folder of ["rootfs", "upper", "work", "out"]) mkdirSync(join(bundle, folder), { recursive: true });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec(id, bundle, join(pod, "ns"))));
  const layers = `lowerdir=${rootfs},upperdir=${bundle}/upper,workdir=${bundle}/work`;
  await run("mount", ["-t", "overlay", "overlay", "-o", layers, `${bundle}/rootfs`]);
  await conmon(id, bundle);
  await run("crun", ["start", id]);
}

/** Starts conmon and waits for the container's pid on its sync pipe. */
async function conmon(id: string, bundle: string): Promise<void> {
  const args = [
    "--api-version",
    "1",
    "-c",
    id,
    "-u",
    id,
    "-r",
    "/usr/bin/crun",
    "-b",
    bundle,
    "-p",
    join(bundle, "pid"),
    "-n",
    id,
    "--exit-dir",
    bundle,
    "-l",
    `k8s-file:${bundle}/log`,
    "--no-sync-log",
    "--socket-dir-path",
    bundle,
  ];
  const child = spawn("conmon", args, {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], _OCI_SYNCPIPE: "3" },
  });
  const pipe = child.stdio[3] as NodeJS.ReadableStream;
  const line = await new Promise<string>((resolve) => pipe.once("data", (data: Buffer) => resolve(String(data))));
  (pipe as unknown as { destroy(): void }).destroy();
  if (!/"(data|pid)": ?[1-9]/.test(line)) throw new Error(`conmon did not create ${id}: ${line}`);
}

function spec(id: string, bundle: string, ns: string): unknown {
  return {
    ociVersion: "1.0.2",
    process: { args: COMMAND, env: ["PATH=/bin", "NAME=floor"], cwd: "/", user: { uid: 0, gid: 0 }, capabilities: {} },
    root: { path: "rootfs" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
      { destination: "/out", type: "bind", source: join(bundle, "out"), options: ["rbind"] },
    ],
    linux: {
      cgroupsPath: `/minke-bench/${id}`,
      namespaces: [
        { type: "mount" },
        { type: "pid" },
        ...["network", "ipc", "uts"].map((type) => ({ type, path: join(ns, type === "network" ? "net" : type) })),
      ],
    },
  };
}
