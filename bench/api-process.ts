/** Starts bench/api-server.ts as a process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { build } from "esbuild";

export interface ApiProcess extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
}

const PROGRAM = resolve(import.meta.dirname, "../dist/bench-api-server.js");

/** Bundled, as the npm package is: Node's TypeScript compiler alone takes 30 MB. */
export async function buildApi(): Promise<void> {
  const source = join(import.meta.dirname, "api-server.ts");
  const form = { bundle: true, platform: "node", format: "esm", target: "node24", packages: "external" } as const;
  await build({ entryPoints: [source], outfile: PROGRAM, sourcemap: "inline", logLevel: "warning", ...form });
}

/** Over the store at this path. MINKE_BENCH_NODE_FLAGS are given to its Node, such as --cpu-prof. */
export async function startApi(path: string): Promise<ApiProcess> {
  const flags = (process.env["MINKE_BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");
  const args = ["--max-semi-space-size=4", "--disable-warning=ExperimentalWarning", ...flags, PROGRAM, path];
  const server = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(server, "exit");
  const [socket] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  return {
    socket,
    pid: server.pid!,
    async [Symbol.asyncDispose]() {
      server.stdin.end();
      await gone;
    },
  };
}
