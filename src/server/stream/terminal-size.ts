/** Reads the sizes that a client sends of its terminal: JSON objects, `{"Width":80,"Height":24}`, one behind the other. */
import type { TerminalSize } from "./session-channels.ts";

/** Longest object that is looked at, in bytes. */
const SIZE_BYTES_MAX = 256;

/** Remembers a size that comes before there is a process to tell. */
export class TerminalSizes {
  #rest = "";
  #last: TerminalSize | undefined;
  #listener: ((size: TerminalSize) => void) | undefined;

  /** Takes what the client sent, wherever it was cut. Of several sizes the last counts; what is no size is passed over. */
  read(chunk: Uint8Array): void {
    const text = this.#rest + Buffer.from(chunk).toString("latin1");
    const end = text.lastIndexOf("}") + 1;
    this.#rest = text.length - end > SIZE_BYTES_MAX ? "" : text.slice(end);
    const start = text.lastIndexOf("{", end - 1);
    const size = start >= 0 && end - start <= SIZE_BYTES_MAX ? parseSize(text.slice(start, end)) : undefined;
    if (!size) return;
    this.#last = size;
    this.#listener?.(size);
  }

  /** Calls `listener` for every size from now on, and at once for the last one before. */
  listen(listener: (size: TerminalSize) => void): void {
    this.#listener = listener;
    if (this.#last) listener(this.#last);
  }
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return isCells(width) && isCells(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

function isCells(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 0xffff;
}
