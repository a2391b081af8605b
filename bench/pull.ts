/**
 * `npm run bench:pull`: how fast an image comes from a registry on loopback (docker-registry, TLS) and is unpacked, against
 * podman and docker where they are installed, and against GNU tar on the same files, in one run, taking turns.
 * Prints a table, writes bench/results/pull-<time>.{json,md}, and with --readme the table into README.md. Needs root.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { startRegistry } from "../test/fixtures/registry.ts";
import { median } from "./figures.ts";
import { installed, run, timed, until } from "./process.ts";
import { machine, report } from "./report.ts";
import { type PullImage, preparePullImages } from "./pull-images.ts";
import { addedByPull } from "./pull-start.ts";
import { prepareImage } from "./rootfs.ts";

const BIN = process.execPath;
const ARGS = ["--max-semi-space-size=4", resolve(import.meta.dirname, "../dist/bin/minke.js")];
const ROUNDS = process.argv.includes("--quick") ? 3 : 7;
/** Starts that the rest of a start is the median of. */
const START_ROUNDS = 15;

/** What can pull and forget. */
interface Puller {
  pull(reference: string): Promise<void>;
  forget(): Promise<void>;
  /** Megabytes at most of the process that pulls, since the last time it was asked. */
  peakMb?(): number;
  /** Milliseconds that a pull adds to a Pod's start besides itself. */
  addedStartMs?(): Promise<number>;
}

if (process.getuid?.() !== 0) throw new Error("Cannot run the bench: it needs root");
const images = await preparePullImages();
await using undo = new AsyncDisposableStack();
const scratch = mkdtempSync(join(tmpdir(), "minke-bench-pull-"));
undo.defer(() => rmSync(scratch, { recursive: true, force: true }));
const registry = undo.use(await startRegistry());
for (const image of images) {
  for (const tag of ["first", "changed"]) {
    await run("skopeo", [
      "copy",
      "--dest-tls-verify=false",
      `oci:${image.layout}:${tag}`,
      `docker://${registry.address}/${image.name}:${tag}`,
    ]);
  }
}
const pullers: Record<string, Puller> = { minke: await minkePuller() };
if (installed("podman")) pullers["podman"] = podmanPuller();
if (installed("docker") && installed("dockerd")) pullers["docker"] = await dockerPuller();

const results: Record<string, Record<string, number[]>> = {};
const note = (row: string, who: string, value: number): void => {
  ((results[row] ??= {})[who] ??= []).push(value);
};
for (let round = 0; round <= ROUNDS; round++) {
  for (const image of images) await measure(image, round);
  console.error(`round ${round} of ${ROUNDS} done`);
}
const added = await pullers["minke"]!.addedStartMs?.();
if (added !== undefined)
  note("start of a Pod after its pull, less a start with the image present (ms)", "minke", added);
finish();

async function measure(image: PullImage, round: number): Promise<void> {
  const size = `${Math.round(image.bytes / 1e6)} MB, ${image.files} files in 8 layers, ${Math.round(image.compressedBytes / 1e6)} MB compressed`;
  const counted = round > 0 ? note : (): void => {}; // the first round warms up
  for (const [who, puller] of Object.entries(pullers)) {
    const name = `${registry.address}/${image.name}`;
    puller.peakMb?.();
    counted(`pull and unpack ${size} (s)`, who, (await timed(() => puller.pull(`${name}:first`))) / 1000);
    if (puller.peakMb) counted(`… ${image.name}: peak memory of the daemon (MB)`, who, puller.peakMb());
    counted(
      `… ${image.name}: the next version, one layer of 8 new (s)`,
      who,
      (await timed(() => puller.pull(`${name}:changed`))) / 1000,
    );
    await puller.forget();
  }
  const target = join(scratch, "tar");
  mkdirSync(target);
  const unpack = async (): Promise<void> => {
    for (const tar of image.layerTars) await run("tar", ["-xzf", `${tar}.gz`, "-C", target]);
  };
  counted(`pull and unpack ${size} (s)`, "tar -xz alone", (await timed(unpack)) / 1000);
  rmSync(target, { recursive: true });
}

async function minkePuller(): Promise<Puller> {
  await run(BIN, [resolve(import.meta.dirname, "../tools/build.ts")]);
  const state = `/run/minke-benchpull-${process.pid}`;
  const place = ["--instance", "benchpull", "--root", join(scratch, "root"), "--state", state];
  const daemon = spawn(
    BIN,
    [...ARGS, "serve", ...place, "--log-level", "warn", "--registries-dir", registry.registriesDir],
    {
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const gone = new Promise<void>((done) => daemon.once("exit", () => done()));
  undo.defer(async () => {
    daemon.kill("SIGTERM");
    await gone;
    await run(BIN, [...ARGS, "reset", "--yes", ...place], { ok: true });
  });
  const minke = async (...args: string[]): Promise<string> => await run(BIN, [...ARGS, ...args, ...place]);
  await until(() => existsSync(join(state, "api.sock")), "the node");
  return {
    pull: async (reference) => void (await minke("image", "pull", "--quiet", reference)),
    forget: async () => void (await minke("image", "prune", "--all")),
    peakMb: () => {
      const status = readFileSync(`/proc/${daemon.pid}/status`, "utf8");
      writeFileSync(`/proc/${daemon.pid}/clear_refs`, "5");
      return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
    },
    addedStartMs: async () => {
      const reference = `${registry.address}/busybox:1`;
      await minke("image", "import", prepareImage().tar, reference);
      await minke("image", "push", "--quiet", reference);
      // Until the last container of a Pod that is gone has gone as well, its image stays.
      const forget = async (): Promise<void> => {
        do await minke("image", "prune", "--all");
        while ((await minke("image", "ls", "--quiet")).trim() !== "");
      };
      return await addedByPull({ socket: join(state, "api.sock"), reference, rounds: START_ROUNDS, forget });
    },
  };
}

function podmanPuller(): Puller {
  const place = ["--root", join(scratch, "podman"), "--runroot", join(scratch, "podman-run")];
  undo.defer(
    () =>
      void execFileSync("sh", ["-c", `podman ${place.join(" ")} rmi -af; umount ${place[1]}/overlay; true`], {
        stdio: "ignore",
      }),
  );
  return {
    pull: async (reference) =>
      void (await run("podman", [...place, "pull", "--quiet", "--tls-verify=false", reference])),
    forget: async () => void (await run("podman", [...place, "rmi", "-af"])),
  };
}

/** A daemon of the bench's own, with nothing but its image store. */
async function dockerPuller(): Promise<Puller> {
  const folder = join(scratch, "docker");
  const socket = `unix://${folder}/docker.sock`;
  mkdirSync(folder);
  const args = ["--host", socket, "--data-root", `${folder}/data`, "--exec-root", `${folder}/exec`];
  args.push("--pidfile", `${folder}/pid`, "--bridge=none", "--iptables=false", "--storage-driver=overlay2");
  const daemon = spawn("dockerd", args, { stdio: "ignore" });
  const gone = new Promise<void>((done) => daemon.once("exit", () => done()));
  undo.defer(async () => {
    daemon.kill("SIGTERM");
    await gone;
  });
  const docker = async (...command: string[]): Promise<string> => await run("docker", ["--host", socket, ...command]);
  await until(() => existsSync(`${folder}/pid`) && existsSync(`${folder}/docker.sock`), "dockerd");
  const pulled = new Set<string>();
  return {
    pull: async (reference) => {
      pulled.add(reference);
      await docker("pull", "--quiet", reference);
    },
    forget: async () => {
      await docker("rmi", "-f", ...pulled);
      pulled.clear();
    },
  };
}

function goalOf(row: string): string {
  if (row.includes("memory")) return "≤ 200 MB";
  if (row.startsWith("start")) return "≤ 10";
  return row.startsWith("pull") ? "≥ 1.5× both" : "only that layer";
}

function finish(): void {
  const who = [...Object.keys(pullers), "tar -xz alone"];
  const peers = who.filter((name) => name === "podman" || name === "docker");
  let table = `| what | ${who.join(" | ")} | ${peers.map((peer) => `${peer} : minke`).join(" | ")} | goal |\n`;
  table += `|${"---|".repeat(who.length + peers.length + 2)}\n`;
  for (const [row, values] of Object.entries(results)) {
    const value = (name: string): number | undefined => median(values[name] ?? []);
    const shown = (x: number | undefined): string => (x === undefined ? "–" : x >= 100 ? x.toFixed(0) : x.toFixed(2));
    const ratio = (peer: string): string => {
      const [theirs, ours] = [value(peer), value("minke")];
      return theirs === undefined || ours === undefined ? "–" : `${(theirs / ours).toFixed(2)}×`;
    };
    const goal = goalOf(row);
    table += `| ${row} | ${who.map((name) => shown(value(name))).join(" | ")} | ${peers.map(ratio).join(" | ")} | ${goal} |\n`;
  }
  report("pull", `${machine()}; docker-registry on loopback with TLS; medians of ${ROUNDS} rounds.\n\n${table}`, {
    rounds: ROUNDS,
    results,
  });
}
