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

export async function floor({ image, rounds, log }: Subject): Promise<Figures> {
  const scratch = mkdtempSync(join(tmpdir(), "minke-floor-"));
  const network = {
    cniVersion: "1.0.0",
    name: "minke-bench",
    type: "bridge",
    bridge: BRIDGE,
    isGateway: true,
    ipam: { type: "host-local", subnet: "10.199.0.0/16", dataDir: join(scratch, "leases") },
  };
  const figures: Figures = { startMs: [], stopMs: [], execMs: [] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const pod = join(scratch, `pod${round}`);
      const ids = ["a", "b"].map((name) => `bench-${process.pid}-${round}-${name}`);
      const start = await timed(async () => {
        const ns = join(pod, "ns");
        mkdirSync(ns, { recursive: true });
        for (const kind of ["net", "ipc", "uts"]) writeFileSync(join(ns, kind), "");
        await run("unshare", [`--net=${ns}/net`, `--ipc=${ns}/ipc`, `--uts=${ns}/uts`, "true"]);
        await run(`${CNI}/bridge`, [], {
          env: cniEnv("ADD", `pod${round}`, `${ns}/net`),
          input: JSON.stringify(network),
        });
        await Promise.all(ids.map(async (id) => startContainer(id, join(pod, id), ns, image.rootfs)));
      });
      if (round === 0) figures.execMs!.push(...(await execs(ids[0]!, rounds)));
      const stop = await timed(async () => {
        await Promise.all(ids.map(async (id) => run("crun", ["kill", id, "KILL"])));
        await Promise.all(ids.map(async (id) => run("crun", ["delete", "--force", id])));
        await run(`${CNI}/bridge`, [], {
          env: cniEnv("DEL", `pod${round}`, `${pod}/ns/net`),
          input: JSON.stringify(network),
        });
        await run("umount", [
          ...ids.map((id) => join(pod, id, "rootfs")),
          ...["net", "ipc", "uts"].map((kind) => join(pod, "ns", kind)),
        ]);
      });
      if (round > 0) {
        figures.startMs.push(start);
        figures.stopMs!.push(stop);
      }
    }
    log(`${rounds} rounds done`);
  } finally {
    await run("sh", ["-c", `grep -o ' ${scratch}[^ ]*' /proc/self/mounts | xargs -r umount -l`], { ok: true });
    await run("ip", ["link", "del", BRIDGE], { ok: true });
    rmSync(scratch, { recursive: true, force: true });
  }
  return figures;
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

async function startContainer(id: string, bundle: string, ns: string, rootfs: string): Promise<void> {
  for (const folder of ["rootfs", "upper", "work", "out"]) mkdirSync(join(bundle, folder), { recursive: true });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec(id, bundle, ns)));
  await run("mount", [
    "-t",
    "overlay",
    "overlay",
    "-o",
    `lowerdir=${rootfs},upperdir=${bundle}/upper,workdir=${bundle}/work`,
    `${bundle}/rootfs`,
  ]);
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
