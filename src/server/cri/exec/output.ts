/** The output of a command, as much of it as an answer may have. */
import { finished } from "node:stream/promises";

/** Of each stream; what comes after is read and dropped, so that the command can go on. CRI: CVE-2022-1708, CVE-2022-31030. */
const OUTPUT_MAX_BYTES = 16_000_000;
/** Both together, below the 16 MiB that the kubelet and crictl receive, with room for the rest of the message. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024 - 1024;

export class Output {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  /** Resolves when the stream has ended, however it did. */
  readonly ended: Promise<void>;

  constructor(stream: NodeJS.ReadableStream | undefined) {
    stream?.on("data", (chunk: Buffer) => this.#take(chunk));
    this.ended = stream ? finished(stream).catch(() => {}) : Promise.resolve();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  #take(chunk: Buffer): void {
    const rest = OUTPUT_MAX_BYTES - this.#size;
    if (rest <= 0) return;
    this.#chunks.push(chunk.subarray(0, rest));
    this.#size += Math.min(rest, chunk.length);
  }
}

/** Standard error gets what standard output leaves of the answer. */
export function shared(stdout: Buffer, stderr: Buffer): { readonly stdout: Uint8Array; readonly stderr: Uint8Array } {
  return { stdout, stderr: stderr.subarray(0, Math.max(0, ANSWER_MAX_BYTES - stdout.length)) };
}
