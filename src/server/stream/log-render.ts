/** Turns blocks of a CRI log file into what a reader of logs sees: filtered lines without their CRI heads. */
import { nanoseconds, parseLogLine } from "./log-line.ts";
import type { LogEntry } from "./log-line.ts";

export interface RenderOptions {
  /** Only entries at or after this time, nanoseconds since the epoch. */
  readonly sinceNs?: bigint;
  readonly stream?: LogEntry["stream"];
  /** Put the entry's time before each line. */
  readonly timestamps?: boolean;
  /** End after so many bytes of output. */
  readonly limitBytes?: number;
}

/** How much of an unfinished line is kept, in bytes. A CRI writer splits at 16 KiB; longer is passed on as it is. */
const REST_MAX_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export class LogRenderer {
  readonly #options: RenderOptions;
  #since: bigint | undefined;
  #after: bigint | undefined;
  #skip = 0;
  #left: number;
  #rest: Buffer = Buffer.alloc(0);
  #midLine = false;
  /** Streams in the middle of a line that began before the time that was asked for: the rest of it is left out too. */
  readonly #cut = new Set<LogEntry["stream"]>();
  #lastTime = "";

  constructor(options: RenderOptions) {
    this.#options = options;
    this.#since = options.sinceNs;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** True when the limit is reached and nothing more will come. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** Leaves out the next `count` whole lines. */
  skip(count: number): void {
    this.#skip = count;
  }

  /** Leaves out what is not younger than the last entry that was seen: for files that may have been read already. */
  onlyNew(): void {
    this.#after = nanoseconds(this.#lastTime);
  }

  /** The output of the next block of a file; may be empty. */
  feed(block: Buffer): Buffer {
    const data = this.#rest.length === 0 ? block : Buffer.concat([this.#rest, block]);
    const out: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      this.#line(data.subarray(start, end + 1), out);
      start = end + 1;
    }
    this.#rest = Buffer.from(data.subarray(start));
    if (this.#rest.length > REST_MAX_BYTES) return Buffer.concat([...out, this.flush()]);
    return Buffer.concat(out);
  }

  /** The end of a file: a line without a newline, which a writer that was killed may leave. */
  flush(): Buffer {
    const out: Buffer[] = [];
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    if (rest.length > 0) this.#line(rest, out);
    return Buffer.concat(out);
  }

  #line(line: Buffer, out: Buffer[]): void {
    const entry = parseLogLine(line);
    if (!entry) return this.#skip > 0 ? void this.#skip-- : this.#emit(line, out);
    this.#lastTime = entry.time;
    if (this.#options.stream !== undefined && entry.stream !== this.#options.stream) return;
    if (this.#tooOld(entry) || this.#isCut(entry)) return;
    if (this.#skip > 0) {
      if (!entry.partial) this.#skip--;
      return;
    }
    if (this.#options.timestamps && !this.#midLine) this.#emit(Buffer.from(`${shownTime(entry.time)} `), out);
    this.#midLine = entry.partial;
    this.#emit(entry.content, out);
  }

  /** Time only grows, so the first entry that is young enough ends the looking. */
  #tooOld(entry: LogEntry): boolean {
    if (this.#since === undefined && this.#after === undefined) return false;
    const time = nanoseconds(entry.time);
    if (time === undefined) return false;
    if (this.#since !== undefined && time < this.#since) {
      if (entry.partial) this.#cut.add(entry.stream);
      else this.#cut.delete(entry.stream);
      return true;
    }
    if (this.#after !== undefined && time <= this.#after) return true;
    this.#since = this.#after = undefined;
    return false;
  }

  #isCut({ stream, partial }: LogEntry): boolean {
    return partial ? this.#cut.has(stream) : this.#cut.delete(stream);
  }

  #emit(bytes: Buffer, out: Buffer[]): void {
    if (this.full || bytes.length === 0) return;
    const taken = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= taken.length;
    out.push(taken);
  }
}

/** Nine digits and a zone, which is `Z` where conmon writes `+00:00`. Kubernetes: kuberuntime/logs, RFC3339NanoFixed. */
function shownTime(time: string): string {
  return time.replace(/[+-]00:00$/, "Z");
}
