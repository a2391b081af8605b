/** A real registry (Debian's docker-registry) on loopback that serves the conformance images under their originals' names. */
import { spawn } from "node:child_process";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import type { BuiltImages } from "./images/build.ts";
import { RECIPES, registryHosts } from "./images/recipes.ts";
import { freePort } from "../fixtures/free-port.ts";
import { endOf, outputOf, until } from "./program.ts";

const run = promisify(execFile);

export interface Registry extends AsyncDisposable {
  /** Folder with one `<host>/hosts.toml` for each host in the names, for containerd's `config_path` and Minke's `--registries-dir`. */
  readonly hosts: string;
}

/** Starts a registry with the images in it. Its storage is kept beside the layout, so that only the first start pushes. */
export async function startRegistry(images: BuiltImages, scratch: string): Promise<Registry> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const storage = `${images.layout}.registry`;
  const recipe = readFileSync(join(images.layout, "recipe"), "utf8");
  const stamp = join(storage, "recipe");
  const filled = existsSync(stamp) && readFileSync(stamp, "utf8") === recipe;
  if (!filled) rmSync(storage, { recursive: true, force: true });
  mkdirSync(storage, { recursive: true });
  const config = join(scratch, "registry.json"); // JSON is YAML
  const settings = {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage } },
    http: { addr: address },
  };
  writeFileSync(config, JSON.stringify(settings));
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const output = outputOf(child);
  try {
    await until(async () => (await fetch(`http://${address}/v2/`)).ok, "the registry", child, output);
    if (!filled) {
      await push(images.layout, address);
      writeFileSync(stamp, recipe);
    }
  } catch (error) {
    await endOf(child);
    throw error;
  }
  return {
    hosts: writeHosts(join(scratch, "registries"), `http://${address}`),
    [Symbol.asyncDispose]: async () => await endOf(child),
  };
}

async function push(layout: string, address: string): Promise<void> {
  for (const name of RECIPES.flatMap(({ names }) => names)) {
    const target = `docker://${address}${name.slice(name.indexOf("/"))}`;
    await run("skopeo", ["copy", "--quiet", "--all", "--dest-tls-verify=false", `oci:${layout}:${name}`, target]);
  }
}

function writeHosts(folder: string, server: string): string {
  for (const host of registryHosts()) {
    mkdirSync(join(folder, host), { recursive: true });
    writeFileSync(
      join(folder, host, "hosts.toml"),
      `server = "${server}"\n\n[host."${server}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
  }
  return folder;
}
