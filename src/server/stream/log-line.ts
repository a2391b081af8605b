/**
 * One line of a CRI log file: `2016-10-06T00:17:09.669794202Z stdout F text`. Tag `P` means that the line was longer than
 * the writer's buffer and goes on in the next entry of its stream. Kubernetes: pkg/kubelet/kuberuntime/logs/logs.go.
 */

export interface LogEntry {
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly partial: boolean;
  /** With its newline, unless it is partial. */
  readonly content: Buffer;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const LETTER_P = 0x50;

/** Takes a line apart; `line` holds its newline if there is one. Undefined when it is not in the CRI's form. */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const timeEnd = line.indexOf(SPACE);
  const streamEnd = timeEnd < 0 ? -1 : line.indexOf(SPACE, timeEnd + 1);
  const tagEnd = streamEnd < 0 ? -1 : line.indexOf(SPACE, streamEnd + 1);
  if (tagEnd < 0) return undefined;
  const stream = line.toString("latin1", timeEnd + 1, streamEnd);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  // A tag may be a list, `P:other`; only its first letter means anything today.
  const partial = line[streamEnd + 1] === LETTER_P;
  const end = partial && line.at(-1) === NEWLINE ? line.length - 1 : line.length;
  return { time: line.toString("latin1", 0, timeEnd), stream, partial, content: line.subarray(tagEnd + 1, end) };
}

/** Nanoseconds since the epoch of an RFC 3339 time with any fraction and zone; undefined when it is none. */
export function nanoseconds(time: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*([Zz]|[+-]\d\d:\d\d)$/.exec(time);
  if (!match) return undefined;
  const seconds = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(seconds)) return undefined;
  return BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
}
