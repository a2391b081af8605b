/**
 * `npm start`, after tools/setup.sh: builds the example's images when they are not there, imports them, and plays the
 * example in the foreground. Needs root; without it, it starts itself again under sudo.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

import { buildImages } from "../examples/nginx-ghost/build-images.ts";
import { exampleImages } from "../examples/nginx-ghost/images.ts";

const root = resolve(import.meta.dirname, "..");
const minke = resolve(root, "bin/minke");
process.chdir(root);

if (process.getuid?.() !== 0) {
  const argv = ["--preserve-env=PATH,NO_COLOR,TERM", process.execPath, import.meta.filename];
  process.exit(await foreground("sudo", argv));
}

const images = resolve(root, ".cache/images");
const missing = exampleImages(images).some((image) => !existsSync(image.tar));
if (missing) console.error("building the example's two images (once; some three minutes) ...");
await buildImages(images, (line) => missing && console.error(line));
for (const image of exampleImages(images)) {
  const known = spawnSync(minke, ["image", "inspect", image.name], { stdio: "ignore" });
  if (known.status === 0) continue;
  console.error(`importing image ${image.name} ...`);
  const imported = spawnSync(minke, ["image", "import", image.tar, image.name, ...image.importFlags], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (imported.status !== 0) process.exit(imported.status ?? 1);
}
process.exit(await foreground(minke, ["play", "--replace", "examples/nginx-ghost/pod.yaml"]));

/** Runs a program that handles Ctrl-C itself: this process only waits, and passes on what is sent to it alone. */
async function foreground(program: string, argv: readonly string[]): Promise<number> {
  const child = spawn(program, argv, { stdio: "inherit" });
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((done) => {
    child.once("exit", (code, signal) => done(code ?? (signal ? 1 : 0)));
    child.once("error", (error) => {
      console.error(`Cannot start ${program}: ${error.message}`);
      done(1);
    });
  });
}
