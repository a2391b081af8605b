/**
 * Reads a container's log as one text across its rotated files, and follows it. Files are held open while they are read,
 * so a rotation neither loses nor doubles a line; following waits for changes of the directory and never polls.
 */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createGunzip } from "node:zlib";

import { errnoOf } from "../../base/errors.ts";
import { DirectoryWatch } from "./directory-watch.ts";
import { closeLogs, openLogs } from "./log-files.ts";
import type { OpenLog } from "./log-files.ts";
import { parseLogLine } from "./log-line.ts";
import { LogRenderer } from "./log-render.ts";
import type { RenderOptions } from "./log-render.ts";
import { findTail } from "./log-tail.ts";

export interface LogRequest extends RenderOptions {
  /** Absolute path of the current log file. */
  readonly path: string;
  /** Go on when the end is reached, until `finished` aborts. */
  readonly follow?: boolean;
  /** Begin at the last so many lines. */
  readonly tailLines?: number;
  /** Aborts when the container has ended: following reads what is left and ends. */
  readonly finished?: AbortSignal;
  /** Aborts when nobody reads any more: reading ends at once. */
  readonly signal?: AbortSignal;
}

const BLOCK_BYTES = 64 * 1024;

/** The log's text in blocks. A log that does not exist (yet) is empty. */
export async function* readLogs(request: LogRequest): AsyncGenerator<Uint8Array, void, void> {
  const signals = [request.finished, request.signal].filter((signal) => signal !== undefined);
  // The watch begins before the first look, or a change between the two would be missed.
  using watch = request.follow ? new DirectoryWatch(dirname(request.path), signals) : undefined;
  const renderer = new LogRenderer(request);
  let logs = await openLogs(request.path);
  try {
    let offset = await seekTail(request, renderer, logs);
    for (;;) {
      const finished = request.finished?.aborted === true;
      for (const [index, log] of logs.entries()) {
        for await (const block of readFrom(log, offset)) {
          offset += log.gzip ? 0 : block.length;
          yield* some(renderer.feed(block));
          if (renderer.full || request.signal?.aborted) return;
        }
        // A compressed file is read once and as a whole.
        if (log.gzip) offset = 1;
        if (index === logs.length - 1) break;
        yield* some(renderer.flush());
        offset = 0;
      }
      const next = watch && (await successors(request.path, logs.at(-1), renderer));
      if (next) {
        // The writer had left the old file before the new one appeared, so what is read of it now is all.
        const last = logs.at(-1);
        await closeLogs(logs.slice(0, -1));
        logs = last ? [last, ...next] : next;
        if (!last) offset = 0;
        continue;
      }
      if (!watch || finished) break;
      await watch.next();
      if (request.signal?.aborted) return;
      if (logs.length > 1) await closeLogs(logs.splice(0, logs.length - 1));
    }
    yield* some(renderer.flush());
  } finally {
    await closeLogs(logs);
  }
}

function* some(text: Buffer): Generator<Uint8Array> {
  if (text.length > 0) yield text;
}

/** Drops the files before the tail, and returns where in the first of the rest it begins. */
async function seekTail(request: LogRequest, renderer: LogRenderer, logs: OpenLog[]): Promise<number> {
  let wanted = request.tailLines;
  if (wanted === undefined) return 0;
  for (let index = logs.length - 1; index >= 0; index--) {
    const log = logs[index]!;
    const { offset, lines } = log.gzip
      ? { offset: 0, lines: await countLines(log, request.stream) }
      : await findTail(log.handle, (await log.handle.stat()).size, wanted, request.stream);
    if (lines < wanted && index > 0) {
      wanted -= lines;
      continue;
    }
    if (log.gzip) renderer.skip(Math.max(0, lines - wanted));
    await closeLogs(logs.splice(0, index));
    return offset;
  }
  return 0;
}

/** Lines of a compressed file, which can not be read from its end. */
async function countLines(log: OpenLog, stream: RenderOptions["stream"]): Promise<number> {
  let lines = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of readFrom(log, 0)) {
    const data = Buffer.concat([rest, block]);
    let start = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
      const entry = parseLogLine(data.subarray(start, end + 1));
      if (!entry || (!entry.partial && (stream === undefined || entry.stream === stream))) lines++;
      start = end + 1;
    }
    rest = Buffer.from(data.subarray(start));
  }
  return lines;
}

/** The file's bytes from `offset` to its end, decompressed when it is compressed. */
async function* readFrom(log: OpenLog, offset: number): AsyncGenerator<Buffer> {
  if (log.gzip) {
    if (offset > 0) return;
    const source = log.handle.createReadStream({ start: 0, autoClose: false });
    const text = createGunzip();
    source.on("error", (error) => text.destroy(error));
    yield* source.pipe(text) as AsyncIterable<Buffer>;
    return;
  }
  for (let position = offset; ;) {
    const { bytesRead, buffer } = await log.handle.read(Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The files that came after `last`, oldest first; undefined while it is still the current one. */
async function successors(
  path: string,
  last: OpenLog | undefined,
  renderer: LogRenderer,
): Promise<OpenLog[] | undefined> {
  const current = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (!current || current.ino === last?.inode) return undefined;
  const logs = await openLogs(path);
  const index = last ? logs.findIndex((log) => log.inode === last.inode) : -1;
  // Not among them: it was compressed or removed already. Then the entries' times tell what is new.
  if (last && index < 0) renderer.onlyNew();
  await closeLogs(logs.splice(0, index + 1));
  return logs.length > 0 ? logs : undefined;
}
