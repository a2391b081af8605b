/**
 * `npm run bench`: how fast Minke is, as ratios against the bare floor (the same unshare, CNI, mount, conmon and crun calls
 * with no engine) and against podman and docker where they are installed, all in one run on one machine.
 * Prints a table and writes bench/results/<time>.json and .md. Needs root. Usage: npm run bench [-- --quick]
 * Beside it: `npm run bench:pull` for images, `npm run bench:api` for the Kubernetes API.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

import { docker } from "./docker.ts";
import { floor } from "./floor.ts";
import { minke } from "./minke.ts";
import { podman } from "./podman.ts";
import { prepareImage } from "./rootfs.ts";
import { type Figures, median } from "./figures.ts";

if (process.getuid?.() !== 0) throw new Error("Cannot run the bench: it needs root, for namespaces and cgroups");
const quick = process.argv.includes("--quick");
const rounds = quick ? 5 : 15;
const burst = quick ? 20 : 100;

const image = prepareImage();
const results: Record<string, Figures> = {};
// Interleaving whole engines is not possible on one machine, so each has a warm-up of its own and medians are compared.
for (const [name, subject] of Object.entries({ floor, minke, podman, docker })) {
  const figures = await subject({ image, rounds, burst, log: (line) => console.error(`${name}: ${line}`) });
  if (figures) results[name] = figures;
  else console.error(`${name}: not installed, left out`);
}

const value = (name: string, key: keyof Figures): number | undefined => {
  const found = results[name]?.[key];
  return Array.isArray(found) ? median(found) : found;
};
const number = (x: number | undefined): string => (x === undefined ? "–" : x >= 100 ? x.toFixed(0) : x.toFixed(1));
const ratio = (a: number | undefined, b: number | undefined): string =>
  a === undefined || b === undefined || b === 0 ? "–" : `${(a / b).toFixed(2)}×`;

const ROWS: readonly (readonly [string, keyof Figures, string])[] = [
  ["two-container Pod: create → both running (ms)", "startMs", "≤ 1.25× floor, ≤ 1/5 podman, ≤ 1/10 docker"],
  ["stop of a Pod that heeds TERM (ms)", "stopMs", "≤ 50 ms after its last process"],
  [`burst of ${burst} Pods (Pods/s)`, "burstPerSecond", "≥ 45 Pods/s"],
  [`burst: containers up of ${2 * burst}`, "burstUp", "all"],
  ["crash → running again, first restart (ms)", "crashMs", "≤ 30 ms"],
  ["exec true (ms)", "execMs", "≤ 15 ms above bare crun exec"],
  [`idle daemon, ${burst} Pods: CPU (% of one core)`, "idleCpuPercent", "≤ 0.5 %"],
  [`idle daemon, ${burst} Pods: RSS (MB)`, "idleRssMb", "≤ 120 MB"],
  ["memory outside the containers per Pod (MB)", "podMemoryMb", "≤ 1.2 MB"],
  ["API answers after start of the daemon (ms)", "bootMs", ""],
];
let table =
  "| what | minke | floor | podman | docker | minke : floor | minke : podman | goal |\n|---|---|---|---|---|---|---|---|\n";
for (const [label, key, goal] of ROWS) {
  const cells = ["minke", "floor", "podman", "docker"].map((name) => number(value(name, key)));
  const ratios = ["floor", "podman"].map((name) => ratio(value("minke", key), value(name, key)));
  table += `| ${label} | ${cells.join(" | ")} | ${ratios.join(" | ")} | ${goal} |\n`;
}
const machine = `${cpus().length} cores (${cpus()[0]?.model ?? "?"}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`;
const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, `${stamp}.json`), JSON.stringify({ machine, rounds, burst, results }, null, 2));
writeFileSync(join(folder, `${stamp}.md`), `${machine}; medians of ${rounds} rounds.\n\n${table}`);
console.log(`\n${machine}; medians of ${rounds} rounds.\n\n${table}`);
