/** The Node end of `attach-bridge.pl`: undoes its frames, so that a container's streams look like a child's. */
import { join } from "node:path";
import { PassThrough } from "node:stream";

import { MinkeError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { commandFailureExit, crunMessage, RUNTIME_ENV } from "./crun.ts";

const BRIDGE = join(import.meta.dirname, "attach-bridge.pl");
const STREAM = { joined: 0, end: 1, stdout: 2, stderr: 3, runs: 4 } as const;
const LENGTH_BYTES = 4;
/** Longest complaint of the bridge that is kept, in bytes. */
const COMPLAINT_BYTES_MAX = 4096;
/** What ends without telling was killed. */
const KILLED_EXIT = 137;

export interface Bridge {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /** Resolves when the process of an exec has its terminal: conmon loses a size that it is told before. Else at its end. */
  readonly running: Promise<void>;
  /** Resolves when the container's side has closed: with the exit code of an exec, with 0 of an attach. */
  readonly exited: Promise<number>;
  close(): void;
}

/** Joins the streams of the container whose monitor has its socket in `directory`. The end of input does not reach a terminal. */
export async function attachTo(host: Pick<Host, "process">, directory: string, terminal: boolean): Promise<Bridge> {
  return open(host, [terminal ? "terminal" : "attach", directory]);
}

/** Starts `command` (see `Conmon.execCommand`) with its socket in `directory`, and joins its terminal. */
export async function execThrough(
  host: Pick<Host, "process">,
  directory: string,
  command: readonly string[],
): Promise<Bridge> {
  return open(host, ["exec", directory, ...command]);
}

/** Resolves when the streams are joined, so that nothing that is printed from then on is missed. */
async function open(host: Pick<Host, "process">, args: readonly string[]): Promise<Bridge> {
  const child = host.process.stream({ argv: ["perl", BRIDGE, ...args], env: RUNTIME_ENV });
  let complaint = "";
  child.stderr.on(
    "data",
    (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, COMPLAINT_BYTES_MAX)),
  );
  const source = frames(child.stdout);
  const first = await source.next();
  if (first.done || first.value[0] !== STREAM.joined) {
    await child.exited;
    const why = complaint.trim() || "the bridge to the container's monitor ended";
    throw new MinkeError("Internal", `Cannot attach: ${why}`, { details: { args } });
  }
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const running = Promise.withResolvers<void>();
  const exited = decode(source, stdout, stderr, running.resolve).then(async (code) => {
    running.resolve();
    stdout.end();
    stderr.end();
    await child.exited;
    return code;
  });
  return { stdin: child.stdin, stdout, stderr, running: running.promise, exited, close: () => child.kill("SIGKILL") };
}

async function decode(
  source: AsyncIterable<Buffer>,
  stdout: PassThrough,
  stderr: PassThrough,
  runs: () => void,
): Promise<number> {
  let code = KILLED_EXIT;
  for await (const frame of source) {
    const data = frame.subarray(1);
    if (frame[0] === STREAM.end) code = await endOf(data.toString(), stdout);
    else if (frame[0] === STREAM.runs) runs();
    else if (data.length > 0) await write(frame[0] === STREAM.stderr ? stderr : stdout, data);
  }
  return code;
}

/** A process that could not be run has no code of its own; it gets a shell's, and its terminal shows why. */
async function endOf(text: string, terminal: PassThrough): Promise<number> {
  const [, code = "-1", message = ""] = /^(-?\d+) ([^]*)$/.exec(text) ?? [];
  if (Number(code) >= 0) return Number(code);
  const why = crunMessage(message);
  await write(terminal, Buffer.from(`${why}\r\n`));
  return commandFailureExit(why) ?? KILLED_EXIT;
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
