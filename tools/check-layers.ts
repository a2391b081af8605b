/**
 * The layer check: fails when a file imports what its folder may not (DESIGN §3, ARCHITECTURE.md), or uses a module that
 * only one place may use. The table below is the rule; ARCHITECTURE.md explains it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** folder → what it may import besides itself. A path names a folder or one contract file. */
const LAYERS: Record<string, readonly string[]> = {
  base: [],
  api: ["base"],
  host: ["base"],
  oci: ["base", "host"],
  runtime: ["base", "host", "oci"],
  store: ["base", "api", "host"],
  volume: ["base", "api", "host"],
  engine: [
    "base",
    "api",
    "runtime/runtime.ts",
    "runtime/image.ts",
    "store/store.ts",
    "store/event-recorder.ts",
    "volume/volume.ts",
  ],
  "server/stream": ["base", "runtime/runtime.ts"],
  "server/cri": ["base", "runtime/runtime.ts", "runtime/image.ts", "server/stream"],
  "server/kube": [
    "base",
    "api",
    "store/store.ts",
    "store/event-recorder.ts",
    "engine/engine.ts",
    "runtime/image.ts",
    "server/stream",
  ],
  sdk: ["base", "api"],
  cli: ["base", "api", "sdk"],
  web: ["base", "api", "sdk"],
  daemon: ["*"],
};
/** Single files with wider rights than their folder: the composition points. */
const FILES: Record<string, readonly string[]> = {
  "index.ts": ["base", "api", "sdk", "daemon"],
  "cli/embed.ts": ["base", "api", "sdk", "daemon"],
};
/** node module → the only places that may import it. */
const MODULES: Record<string, readonly string[]> = {
  "node:child_process": ["host/process", "cli/embed.ts"],
  "node:sqlite": ["store"],
  "@grpc/grpc-js": ["server/cri"],
  "@bufbuild/protobuf": ["server/cri"],
};

const root = resolve(import.meta.dirname, "../src");
const problems: string[] = [];

for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !path.endsWith(".ts") || path.endsWith(".test.ts")) continue;
  const file = relative(root, path);
  const source = readFileSync(path, "utf8");
  for (const match of source.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) check(file, match[1]!);
  if (!file.startsWith("base/") && /\b(Date\.now|Math\.random|setTimeout|setInterval)\(|new Date\(\)/.test(source))
    problems.push(`${file}: uses the clock, a timer or randomness directly; take a Clock or ids from src/base`);
}

function check(file: string, target: string): void {
  if (!target.startsWith(".")) {
    const places = MODULES[target];
    if (places && !places.some((place) => file.startsWith(place))) {
      problems.push(`${file}: imports ${target}, which only ${places.join(", ")} may`);
    }
    return;
  }
  const imported = relative(root, resolve(root, dirname(file), target));
  if (imported.startsWith("..")) return void problems.push(`${file}: imports ${target}, outside src`);
  const from = layerOf(file);
  const to = layerOf(imported);
  const allowed = FILES[file] ?? LAYERS[from];
  if (!allowed) return void problems.push(`${file}: is in no layer of tools/check-layers.ts`);
  if (from === to || allowed.includes("*") || allowed.some((a) => imported === a || to === a)) return;
  problems.push(`${file}: imports ${imported}; ${from} may import only ${allowed.join(", ") || "nothing"}`);
}

/** The layer a file belongs to: the longest folder of the table that holds it. */
function layerOf(file: string): string {
  if (FILES[file] && !file.includes("/")) return file;
  const [first = "", second = ""] = file.split("/");
  return `${first}/${second}` in LAYERS ? `${first}/${second}` : first;
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
