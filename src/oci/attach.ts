/** The Node end of `attach-bridge.pl`: undoes its frames, so that a container's streams look like a child's. */
import { join } from "node:path";
import { PassThrough } from "node:stream";

import { MinkeError } from "../base/errors.ts";
import type { ChildStream, Host } from "../host/host.ts";
import { RUNTIME_ENV } from "./crun.ts";

const BRIDGE = join(import.meta.dirname, "attach-bridge.pl");
const STREAM = { end: 1, stdout: 2, stderr: 3 } as const;
const LENGTH_BYTES = 4;
/** Longest message of the bridge's own that is kept, in bytes. */
const ERROR_BYTES_MAX = 4096;

export interface Bridge {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /**
   * Resolves when the container's side has closed: with the exit code of an exec, with 0 of an attach. Rejects when the
   * bridge could not be made.
   */
  readonly ended: Promise<{ readonly code: number; readonly message: string }>;
  close(): void;
}

/** Joins the streams of the container whose monitor has its socket in `directory`. */
export function attachTo(host: Pick<Host, "process">, directory: string): Bridge {
  return open(host, ["attach", directory]);
}

/** Starts `command` (see `Conmon.execCommand`) with its socket in `directory`, and joins its terminal. */
export function execThrough(host: Pick<Host, "process">, directory: string, command: readonly string[]): Bridge {
  return open(host, ["exec", directory, ...command]);
}

function open(host: Pick<Host, "process">, args: readonly string[]): Bridge {
  const child = host.process.stream({ argv: ["perl", BRIDGE, ...args], env: RUNTIME_ENV });
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const ended = decode(child, stdout, stderr).finally(() => {
    stdout.end();
    stderr.end();
  });
  ended.catch(() => {}); // whoever does not ask does not mind
  return { pid: child.pid, stdin: child.stdin, stdout, stderr, ended, close: () => child.kill("SIGKILL") };
}

async function decode(
  child: ChildStream,
  stdout: PassThrough,
  stderr: PassThrough,
): Promise<{ code: number; message: string }> {
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(0, ERROR_BYTES_MAX)));
  let end: string | undefined;
  for await (const frame of frames(child.stdout)) {
    const data = frame.subarray(1);
    if (frame[0] === STREAM.end) end = data.toString();
    else if (data.length > 0) await write(frame[0] === STREAM.stderr ? stderr : stdout, data);
  }
  await child.exited;
  const [, code, message = ""] = /^(-?\d+) ([^]*)$/.exec(end ?? "") ?? [];
  if (code !== undefined) return { code: Number(code), message };
  throw new MinkeError("Internal", `Cannot attach: ${said.trim() || "the bridge to the container's monitor ended"}`);
}

/** Waits when nobody reads, so that a slow client slows the container and fills no memory. */
async function write(stream: PassThrough, data: Buffer): Promise<void> {
  if (stream.destroyed || stream.write(data)) return;
  await new Promise<void>((resolve) => {
    stream.once("drain", resolve);
    stream.once("close", resolve);
  });
}

/** Cuts a byte stream into frames of a 4-byte length and as many bytes. */
export async function* frames(source: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    pending =
      pending.length === 0
        ? Buffer.from(chunk as Uint8Array)
        : Buffer.concat([pending, Buffer.from(chunk as Uint8Array)]);
    while (pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + pending.readUInt32BE(0);
      if (pending.length < end) break;
      yield pending.subarray(LENGTH_BYTES, end);
      pending = pending.subarray(end);
    }
  }
}
