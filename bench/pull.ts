/**
 * `npm run bench:pull`: how fast an image comes from a registry on loopback (docker-registry, TLS) and is unpacked, against
 * podman and docker where they are installed, and against GNU tar on the same files, in one run, taking turns.
 * Prints a table, writes bench/results/pull-<time>.{json,md}, and with --readme the table into README.md. Needs root, and
 * some 30 GB on the disk: each pull goes into an empty store of its own, and nothing is removed before the end. Ext4 does not
 * use an inode again for a minute or five after its file was removed, and looks at each of those in its way: with a removal
 * before it, making 37,000 files takes 20 s and not one.
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
const ROUNDS = process.argv.includes("--quick") ? 2 : 5;
/** Starts that the rest of a start is the median of. */
const START_ROUNDS = 15;

/** What can pull, into a store of its own; disposing it ends its processes, and leaves the store. */
interface Puller extends AsyncDisposable {
  pull(reference: string): Promise<void>;
  /** Megabytes at most of the process that pulls. */
  peakMb?(): number;
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
/** Who opens a store in a folder, which must not exist. */
const openers: Record<string, (folder: string) => Promise<Puller>> = { minke: openMinke };
if (installed("podman")) openers["podman"] = openPodman;
if (installed("docker") && installed("dockerd")) openers["docker"] = openDocker;
await run(BIN, [resolve(import.meta.dirname, "../tools/build.ts")]);

const results: Record<string, Record<string, number[]>> = {};
const note = (row: string, who: string, value: number): void => {
  ((results[row] ??= {})[who] ??= []).push(value);
};
for (let round = 0; round <= ROUNDS; round++) {
  for (const image of images) await measure(image, round);
  console.error(`round ${round} of ${ROUNDS} done`);
}
const added = await addedStartMs();
note("start of a Pod after its pull, less a start with the image present (ms)", "minke", added);
finish();

async function measure(image: PullImage, round: number): Promise<void> {
  const size = `${Math.round(image.bytes / 1e6)} MB, ${image.files} files in 8 layers, ${Math.round(image.compressedBytes / 1e6)} MB compressed`;
  const counted = round > 0 ? note : (): void => {}; // the first round warms up
  // Short: podman takes no run root of more than 50 characters.
  const folder = join(scratch, `${round}${image.name[0]}`);
  mkdirSync(folder);
  for (const [who, open] of Object.entries(openers)) {
    await using puller = await open(join(folder, who));
    const pull = async (tag: string): Promise<number> => {
      settle();
      return (await timed(() => puller.pull(`${registry.address}/${image.name}:${tag}`))) / 1000;
    };
    counted(`pull and unpack ${size} (s)`, who, await pull("first"));
    if (puller.peakMb) counted(`… ${image.name}: peak memory of the daemon (MB)`, who, puller.peakMb());
    counted(`… ${image.name}: the next version, one layer of 8 new (s)`, who, await pull("changed"));
  }
  const target = join(folder, "tar");
  mkdirSync(target);
  settle();
  const unpack = async (): Promise<void> => {
    for (const tar of image.layerTars) await run("tar", ["-xzf", `${tar}.gz`, "-C", target]);
  };
  counted(`pull and unpack ${size} (s)`, "tar -xz alone", (await timed(unpack)) / 1000);
}

/** The same for everyone: nothing is left to be written, and the memory for files is free. */
function settle(): void {
  execFileSync("sync");
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}

/** Everything in the scratch folder goes at the end; before that, whoever has more than files there is told to remove it. */
function atTheEnd(program: string, args: readonly string[]): void {
  undo.defer(async () => void (await run(program, args, { ok: true })));
}

async function openMinke(
  folder: string,
): Promise<Puller & { readonly state: string; minke(...args: string[]): Promise<string> }> {
  const state = `${folder}-state`;
  const place = ["--instance", "benchpull", "--root", folder, "--state", state];
  const daemon = spawn(
    BIN,
    [...ARGS, "serve", ...place, "--log-level", "error", "--registries-dir", registry.registriesDir],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const gone = new Promise<void>((done) => daemon.once("exit", () => done()));
  const end = async (): Promise<void> => {
    daemon.kill("SIGTERM");
    await gone;
  };
  atTheEnd(BIN, [...ARGS, "reset", "--yes", ...place]);
  undo.defer(end);
  const minke = async (...args: string[]): Promise<string> => await run(BIN, [...ARGS, ...args, ...place]);
  await until(() => existsSync(join(state, "api.sock")), "the node");
  return {
    state,
    minke,
    pull: async (reference) => void (await minke("image", "pull", "--quiet", reference)),
    peakMb: () => Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))![1]) / 1024,
    [Symbol.asyncDispose]: end,
  };
}

/** Milliseconds that a pull adds to a Pod's start besides itself. */
async function addedStartMs(): Promise<number> {
  await using node = await openMinke(join(scratch, "start"));
  const reference = `${registry.address}/busybox:1`;
  await node.minke("image", "import", prepareImage().tar, reference);
  await node.minke("image", "push", "--quiet", reference);
  // Until the last container of a Pod that is gone has gone as well, its image stays.
  const forget = async (): Promise<void> => {
    do await node.minke("image", "prune", "--all");
    while ((await node.minke("image", "ls", "--quiet")).trim() !== "");
  };
  return await addedByPull({ socket: join(node.state, "api.sock"), reference, rounds: START_ROUNDS, forget });
}

async function openPodman(folder: string): Promise<Puller> {
  const place = ["--root", folder, "--runroot", `${folder}-run`];
  atTheEnd("sh", ["-c", `podman ${place.join(" ")} rmi -af; umount ${folder}-run/overlay ${folder}/overlay; true`]);
  return {
    pull: async (reference) =>
      void (await run("podman", [...place, "pull", "--quiet", "--tls-verify=false", reference])),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A daemon of the bench's own, with nothing but its image store. */
async function openDocker(folder: string): Promise<Puller> {
  const socket = `unix://${folder}/docker.sock`;
  mkdirSync(folder);
  const args = ["--host", socket, "--data-root", `${folder}/data`, "--exec-root", `${folder}/exec`];
  args.push("--pidfile", `${folder}/pid`, "--bridge=none", "--iptables=false", "--storage-driver=overlay2");
  const daemon = spawn("dockerd", args, { stdio: "ignore" });
  const gone = new Promise<void>((done) => daemon.once("exit", () => done()));
  const end = async (): Promise<void> => {
    daemon.kill("SIGTERM");
    await gone;
  };
  undo.defer(end);
  await until(() => existsSync(`${folder}/pid`) && existsSync(`${folder}/docker.sock`), "dockerd");
  return {
    pull: async (reference) => void (await run("docker", ["--host", socket, "pull", "--quiet", reference])),
    [Symbol.asyncDispose]: end,
  };
}

function goalOf(row: string): string {
  if (row.includes("memory")) return "≤ 200 MB";
  if (row.startsWith("start")) return "≤ 10";
  return row.startsWith("pull") ? "≥ 1.5× both" : "only that layer";
}

function finish(): void {
  const who = [...Object.keys(openers), "tar -xz alone"];
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
  report(
    "pull",
    `${machine()}; docker-registry on loopback with TLS; medians of ${ROUNDS} rounds, each into an empty store.\n\n${table}`,
    {
      rounds: ROUNDS,
      results,
    },
  );
}
