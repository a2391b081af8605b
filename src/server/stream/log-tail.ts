/** Finds where the last N lines of a log file begin, reading it backwards in blocks. */
import type { FileHandle } from "node:fs/promises";

import { parseLogLine } from "./log-line.ts";
import type { LogEntry } from "./log-line.ts";

const BLOCK_BYTES = 64 * 1024;
/** A line of the file is never longer (the writer splits at 16 KiB); what is longer is counted as a line of its own. */
const LINE_MAX_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export interface TailStart {
  /** Byte offset of the first of the lines. */
  readonly offset: number;
  /** How many of the wanted lines the file has. */
  readonly lines: number;
}

/**
 * The start of the last `count` lines below `size`. A line whose pieces are tagged `P` counts once and is not cut. Lines
 * of a stream other than `stream` do not count.
 */
export async function findTail(
  handle: FileHandle,
  size: number,
  count: number,
  stream?: LogEntry["stream"],
): Promise<TailStart> {
  if (count === 0) return { offset: size, lines: 0 };
  let lines = 0;
  let position = size;
  // Bytes from `position` on whose line begins before `position`.
  let rest: Buffer = Buffer.alloc(0);
  while (position > 0) {
    const from = Math.max(0, position - BLOCK_BYTES);
    const block = Buffer.concat([await readBlock(handle, from, position - from), rest]);
    let end = block.length;
    while (end > 0) {
      const newline = end < 2 ? -1 : block.lastIndexOf(NEWLINE, end - 2);
      if (newline < 0 && from > 0 && end < LINE_MAX_BYTES) break;
      const start = newline + 1;
      if (ends(block.subarray(start, end), stream)) {
        if (lines === count) return { offset: from + end, lines };
        lines++;
      }
      end = start;
    }
    rest = block.subarray(0, end);
    position = from;
  }
  return { offset: 0, lines };
}

/** True when a physical line is the last piece of a line that counts. */
function ends(line: Buffer, stream: LogEntry["stream"] | undefined): boolean {
  const entry = parseLogLine(line);
  if (!entry) return true;
  return !entry.partial && (stream === undefined || entry.stream === stream);
}

async function readBlock(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
