/**
 * Builds the root file systems of the example's images from Debian and npm packages:
 *
 *     node examples/nginx-ghost/build-images.ts --out DIR
 *
 * DIR gets `nginx.tar` and `ghost.tar`; what is there already is not built again unless its recipe below has changed. It
 * needs root (mmdebstrap sets owners) and the Debian packages that images.ts names, and takes some three minutes, nearly
 * all of it for Ghost: 1,600 npm packages to fetch, and SQLite to compile.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { access, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { exampleImages } from "./images.ts";

/** What goes in. A change here makes the archives be built anew. */
const RECIPE = {
  suite: "bookworm",
  ghost: "5.130.6",
  node: "20.20.2",
  /** One of Ghost's development-only packages, pinned so that nothing is fetched from outside the npm registry. */
  overrides: { "mock-knex": "0.4.13" },
  /** Times of files that the build makes, in seconds since the epoch, so that two builds give the same bytes. */
  epoch: 1_767_225_600,
} as const;

/** Debian's documentation, manual pages and translations are of no use in a container. */
const LEAN = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"].map(
  (path) => `--dpkgopt=path-exclude=${path}`,
);

/** As the official image has it: configuration in conf.d only, logs on the standard streams. */
const NGINX_HOOK = `
rm -f "$1/etc/nginx/sites-enabled/default"
ln -sf /dev/stdout "$1/var/log/nginx/access.log"
ln -sf /dev/stderr "$1/var/log/nginx/error.log"`;

/** Ghost in /opt/ghost, Node beside it, and a user that owns nothing but the content. */
const GHOST_HOOK = `
echo 'ghost:x:1000:1000::/var/lib/ghost:/usr/sbin/nologin' >> "$1/etc/passwd"
echo 'ghost:x:1000:' >> "$1/etc/group"
install -D -m 0755 "$MINKE_EXAMPLE_NODE" "$1/usr/local/bin/node"
install -D -m 0755 "$MINKE_EXAMPLE_START" "$1/usr/local/bin/ghost-start"
mkdir -p "$1/opt/ghost" && cp -R --preserve=mode,timestamps,links "$MINKE_EXAMPLE_APP/." "$1/opt/ghost/"
chown -R 0:0 "$1/opt/ghost" && chmod -R go=rX "$1/opt/ghost"
install -d -o 1000 -g 1000 "$1/var/lib/ghost" "$1/var/lib/ghost/content"`;

/** Ghost's own settings that do not depend on the Pod; its address in the world comes from the manifest (`url`). */
const GHOST_CONFIG = {
  server: { host: "127.0.0.1", port: 2368 },
  database: {
    client: "sqlite3",
    connection: { filename: "/var/lib/ghost/content/data/ghost.db" },
    useNullAsDefault: true,
  },
  mail: { transport: "Direct" },
  logging: { transports: ["stdout"] },
  process: "local",
  paths: { contentPath: "/var/lib/ghost/content" },
  privacy: { useUpdateCheck: false, useVersionNotifications: false },
};

/** Files of npm packages that no program reads: a quarter of all, and files are what unpacking an image takes time for. */
const UNWANTED = ["*.d.ts", "*.d.mts", "*.d.cts", "*.map", "*.flow", "*.md"];

/** A fresh volume is empty: give it the themes and folders that Ghost ships before it starts. */
const GHOST_START = `#!/bin/sh
set -eu
content=/var/lib/ghost/content
[ -e "$content/themes" ] || cp -R /opt/ghost/content/. "$content/"
mkdir -p "$content/data"
cd /opt/ghost
exec node index.js "$@"
`;

/** What decides the content of each archive: when one changes, the archive is built anew. */
const NGINX_INGREDIENTS = [RECIPE.suite, RECIPE.epoch, LEAN, NGINX_HOOK];
const GHOST_INGREDIENTS = [RECIPE, LEAN, GHOST_HOOK, GHOST_CONFIG, GHOST_START, UNWANTED];

interface Build {
  readonly out: string;
  /** One line for a person, with the time since the start before it. */
  step(message: string): void;
  run(argv: readonly [string, ...string[]], options?: { cwd?: string; env?: Record<string, string> }): Promise<void>;
}

async function makeNginx(build: Build, tar: string): Promise<void> {
  build.step("nginx: installing nginx-light into a minimal Debian (about 20 s)");
  await debian(build, tar, "minbase", ["nginx-light"], NGINX_HOOK, {});
}

async function buildGhost(build: Build, tar: string): Promise<void> {
  const work = join(build.out, "ghost.work");
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const node = join(work, "node");
  const app = join(work, "app");
  build.step(`ghost: fetching Node ${RECIPE.node} and Ghost ${RECIPE.ghost} from npm`);
  await fetchPackage(build, `node-linux-${process.arch}@${RECIPE.node}`, node);
  await fetchPackage(build, `ghost@${RECIPE.ghost}`, app);
  await prepareManifest(app);

  // The headers come with the npm package of Node, so node-gyp has nothing to download.
  const env = {
    PATH: [join(node, "bin"), process.env["PATH"] ?? ""].join(delimiter),
    npm_config_nodedir: node,
    npm_config_cache: join(work, "npm-cache"),
    JOBS: "max",
  };
  build.step("ghost: installing its 1,600 npm packages (about 90 s)");
  const quiet = ["--no-audit", "--no-fund"];
  await build.run(["npm", "install", "--omit=dev", "--legacy-peer-deps", "--ignore-scripts", ...quiet], {
    cwd: app,
    env,
  });
  build.step("ghost: compiling sqlite3 (about 70 s)");
  await build.run(["npm", "rebuild", "sqlite3", "--build-from-source", "--foreground-scripts"], { cwd: app, env });
  await trim(build, app);

  build.step("ghost: putting it into a minimal Debian (about 30 s)");
  await writeFile(join(app, "config.production.json"), JSON.stringify(GHOST_CONFIG, undefined, 2));
  await writeFile(join(work, "ghost-start"), GHOST_START);
  await debian(build, tar, "essential", ["libstdc++6"], GHOST_HOOK, {
    MINKE_EXAMPLE_APP: app,
    MINKE_EXAMPLE_NODE: join(node, "bin/node"),
    MINKE_EXAMPLE_START: join(work, "ghost-start"),
  });
  await rm(work, { recursive: true, force: true });
}

/** A minimal Debian with `packages` and what `hook` does to it, as a tar archive. */
async function debian(
  build: Build,
  tar: string,
  variant: string,
  packages: readonly string[],
  hook: string,
  env: Record<string, string>,
): Promise<void> {
  const options = [`--variant=${variant}`, `--include=${packages.join(",")}`, "--format=tar", ...LEAN];
  await build.run(["mmdebstrap", ...options, `--customize-hook=${hook.trim()}`, RECIPE.suite, tar], {
    env: { ...env, SOURCE_DATE_EPOCH: String(RECIPE.epoch) },
  });
}

/** Unpacks an npm package, without its dependencies, into a new directory. */
async function fetchPackage(build: Build, spec: string, target: string): Promise<void> {
  await mkdir(target);
  const packed = `${target}.pack`;
  await mkdir(packed);
  await build.run(["npm", "pack", spec, "--pack-destination", packed]);
  const [file] = await readdir(packed);
  if (!file) throw new Error(`Cannot fetch ${spec}: npm pack wrote no file`);
  await build.run(["tar", "-xzf", join(packed, file), "--strip-components=1", "--no-same-owner", "-C", target]);
}

async function prepareManifest(app: string): Promise<void> {
  const path = join(app, "package.json");
  const manifest = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  const { devDependencies: _dropped, ...kept } = manifest;
  await writeFile(path, JSON.stringify({ ...kept, overrides: RECIPE.overrides }, undefined, 2));
}

/** Drops what only a developer of Ghost needs, and the intermediate files of the compilation. */
async function trim(build: Build, app: string): Promise<void> {
  const sqlite = join(app, "node_modules/sqlite3");
  const addon = join(sqlite, "build/Release/node_sqlite3.node");
  await rename(addon, join(sqlite, "node_sqlite3.node"));
  for (const part of ["build", "deps", "src"]) await rm(join(sqlite, part), { recursive: true });
  await mkdir(join(sqlite, "build/Release"), { recursive: true });
  await rename(join(sqlite, "node_sqlite3.node"), addon);
  const unwanted = UNWANTED.flatMap((pattern) => ["-o", "-name", pattern]).slice(1);
  const within = ["find", join(app, "node_modules"), "-type", "f"] as const;
  await build.run([...within, "(", ...unwanted, ")", "-not", "-iname", "licen[cs]e*", "-delete"]);
}

/** Builds `tar` unless it is there and was made of the same ingredients. Half an archive is never seen under its name. */
async function unlessBuilt(
  build: Build,
  tar: string,
  ingredients: readonly unknown[],
  make: (part: string) => Promise<void>,
): Promise<void> {
  const stamp = `${tar}.recipe`;
  const recipe = createHash("sha256").update(JSON.stringify(ingredients)).digest("hex");
  const present = await access(tar).then(
    () => true,
    () => false,
  );
  if (present && (await readFile(stamp, "utf8").catch(() => "")) === recipe) {
    build.step(`${tar} is there already`);
    return;
  }
  const part = `${tar.slice(0, -".tar".length)}.part.tar`;
  await rm(part, { force: true });
  await make(part);
  await rename(part, tar);
  await writeFile(stamp, recipe);
  build.step(`${tar} is ready`);
}

/** Builds what is missing of both images in `out`, side by side, telling each step through `print`. */
export async function buildImages(out: string, print: (line: string) => void): Promise<void> {
  const build = await startBuild(out, print);
  const [nginx, ghost] = exampleImages(out);
  const results = await Promise.allSettled([
    unlessBuilt(build, nginx!.tar, NGINX_INGREDIENTS, async (part) => await makeNginx(build, part)),
    unlessBuilt(build, ghost!.tar, GHOST_INGREDIENTS, async (part) => await buildGhost(build, part)),
  ]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Builds the archive of nginx alone, unless it is there, and says where it is. */
export async function buildNginx(out: string, print: (line: string) => void): Promise<string> {
  const build = await startBuild(out, print);
  const { tar } = exampleImages(out)[0]!;
  await unlessBuilt(build, tar, NGINX_INGREDIENTS, async (part) => await makeNginx(build, part));
  return tar;
}

async function startBuild(out: string, print: (line: string) => void): Promise<Build> {
  await mkdir(out, { recursive: true });
  const start = performance.now();
  const log = join(out, "build.log");
  await rm(log, { force: true });
  return {
    out,
    step: (message) => print(`[${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s] ${message}`),
    run: async (argv, options = {}) => await runLogged(argv, log, options),
  };
}

/** Runs a program with its output appended to `log`; on failure the error carries the end of that log. */
async function runLogged(
  argv: readonly [string, ...string[]],
  log: string,
  options: { cwd?: string; env?: Record<string, string> },
): Promise<void> {
  const [program, ...args] = argv;
  const output = openSync(log, "a");
  const child = spawn(program, args, {
    stdio: ["ignore", output, output],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  const code = await new Promise<number | string>((done) => {
    child.once("error", (error) => done(error.message));
    child.once("close", (status, signal) => done(status ?? signal ?? "killed"));
  });
  closeSync(output);
  if (code === 0) return;
  const tail = (await readFile(log, "utf8")).split("\n").slice(-20).join("\n");
  throw new Error(
    `Cannot build the example's images: ${argv.join(" ").slice(0, 200)} ended with ${code}; see ${log}\n${tail}`,
  );
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: "string" } } });
  if (values.out === undefined) {
    console.error("Usage: node examples/nginx-ghost/build-images.ts --out DIR");
    process.exit(2);
  }
  try {
    await buildImages(resolve(values.out), (line) => console.error(line));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
