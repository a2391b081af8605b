/** Running one more process inside a container. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";

import { newId } from "../../base/ids.ts";
import { execThrough } from "../../oci/attach.ts";
import { BUNDLE_FILES } from "../../oci/conmon.ts";
import { commandFailureExit, crunMessage, RUNTIME_ENV } from "../../oci/crun.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { buildExecProcess } from "../../oci/spec.ts";
import { containerPaths } from "../layout.ts";
import type { ExecRequest, StreamSession } from "../runtime.ts";
import { handlerOf, type ContainerEntry, type Scope } from "../scope.ts";
import { requireRunning } from "./list.ts";
import { killTree } from "./process-tree.ts";
import { sizeTeller } from "./terminal-size.ts";

/** How crun ends when it could not run the process. */
const CRUN_FAILED = 255;
/** How long the OCI runtime may take to end behind its process, in milliseconds. */
const END_MS = 1000;
/** As much of standard error is looked at, in bytes, to find out why. */
const COMPLAINT_BYTES_MAX = 512;

/** Same user, capabilities, directory and environment as the container's own process. Exact bytes, exact exit code. */
export async function exec(scope: Scope, id: string, request: ExecRequest): Promise<StreamSession> {
  request.signal?.throwIfAborted();
  const entry = await requireRunning(scope, id, `run "${request.command[0]}"`);
  const directory = join(containerPaths(scope.layout, id).bundle, `exec-${newId().slice(0, 12)}`);
  mkdirSync(directory, { mode: 0o700 });
  const processFile = join(directory, "process.json");
  const spec = JSON.parse(readFileSync(containerPaths(scope.layout, id).config, "utf8")) as RuntimeSpec;
  writeFileSync(processFile, JSON.stringify(buildExecProcess(spec.process, request)), { mode: 0o600 });
  const session = request.tty
    ? await withTerminal(scope, entry, directory, processFile)
    : withPipes(scope, entry, directory, processFile);
  if (!request.stdin) session.stdin?.end();
  request.signal?.addEventListener("abort", () => session.close(), { once: true });
  return { ...session, exited: session.exited.finally(() => rmSync(directory, { recursive: true, force: true })) };
}

function withPipes(scope: Scope, entry: ContainerEntry, directory: string, processFile: string): StreamSession {
  const pidFile = join(directory, BUNDLE_FILES.pid);
  const argv = handlerOf(scope, entry.record).crun.execCommand(entry.record.id, processFile, pidFile);
  const child = scope.host.process.stream({ argv, env: RUNTIME_ENV });
  const stderr = new PassThrough();
  let complaint = "";
  child.stderr.on(
    "data",
    (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, COMPLAINT_BYTES_MAX)),
  );
  child.stderr.pipe(stderr);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr,
    resize: () => {},
    exited: child.exited.then((code) =>
      code === CRUN_FAILED ? (commandFailureExit(crunMessage(complaint)) ?? code) : code,
    ),
    close: () => ending(scope, end()),
  };

  /** The OCI runtime ends behind its process, which it reaps: who hears of the end finds nothing left of it. */
  async function end(): Promise<void> {
    const killed = await killTree(scope, entry.record.cgroupPath, pidFile);
    if (!killed) return child.kill("SIGKILL");
    using _timer = scope.clock.timer(END_MS, () => child.kill("SIGKILL"));
    await child.exited.catch(() => {});
  }
}

/** conmon holds the terminal; the bridge starts it, tells its exit code, and passes bytes both ways. */
async function withTerminal(
  scope: Scope,
  entry: ContainerEntry,
  directory: string,
  processFile: string,
): Promise<StreamSession> {
  const { conmon } = handlerOf(scope, entry.record);
  const bridge = await execThrough(scope.host, directory, conmon.execCommand(entry.record.id, directory, processFile));
  return {
    stdin: bridge.stdin,
    stdout: bridge.stdout,
    resize: sizeTeller(scope.clock, (width, height) => conmon.resize(directory, width, height), bridge.running),
    exited: bridge.exited,
    close: () => {
      const killed = killTree(scope, entry.record.cgroupPath, join(directory, BUNDLE_FILES.pid));
      ending(
        scope,
        killed.then(() => bridge.close()),
      );
    },
  };
}

/** Remembers an end that is under way. */
function ending({ endings }: Scope, end: Promise<unknown>): void {
  endings.add(end);
  void end.finally(() => endings.delete(end));
}
