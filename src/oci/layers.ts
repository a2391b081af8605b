/**
 * Unpacks one layer of an image into a directory that an overlay can use as a lower one. Node decompresses and digests, the
 * filter makes the tar stream harmless and rewrites whiteouts, and GNU tar writes files: it sets owners, extended
 * attributes, capabilities and device nodes, for which Node has no calls.
 */
import { type Hash, createHash } from "node:crypto";
import { chmod, mkdir, rm } from "node:fs/promises";

import { MinkeError } from "../base/errors.ts";
import { type BulkTransfer, bulkTransfer } from "../base/heap.ts";
import type { ChildStream, Host } from "../host/host.ts";
import { type Compression, decompress } from "./compression.ts";
import { LAYER_LIMITS, LayerFilter, type LayerLimits } from "./layer-filter.ts";
import { diskFull, streamError } from "./stream-error.ts";

/** Extracts standard input into the current directory, as root, with all that an image may carry. */
const TAR = [
  "tar",
  "--extract",
  "--file=-",
  "--xattrs",
  "--xattrs-include=*",
  "--numeric-owner",
  "--same-owner",
  "--preserve-permissions",
  // Entries come back to directories (whiteouts, symlinks go last): their times are set at the end.
  "--delay-directory-restore",
  "--warning=no-timestamp",
  // 64 KiB per read and write instead of 10: half of tar's CPU.
  "--blocking-factor=128",
] as const;

/** Bytes that tar is given at once. */
const TAR_INPUT_BYTES = 256 * 1024;

/** Bytes of tar's complaints that are kept for the error. */
const STDERR_BYTES_MAX = 8 * 1024;

export interface UnpackRequest {
  readonly host: Pick<Host, "process">;
  /** The blob: tar, plain or compressed with gzip or zstd. */
  readonly blob: AsyncIterable<Uint8Array>;
  /** Directory to make; must not exist. It is removed again on any failure. */
  readonly target: string;
  /** What the blob must hash to, `sha256:…`; unchecked when absent. */
  readonly blobDigest?: string;
  /** What the uncompressed tar stream must hash to; unchecked when absent. */
  readonly diffId?: string;
  /** Refuse an archive without its end mark: a stream that no digest vouches for may have been cut off between entries. */
  readonly needsEndMark?: boolean;
  readonly limits?: LayerLimits;
}

export interface UnpackedLayer {
  readonly blobDigest: string;
  readonly diffId: string;
  readonly compression: Compression;
  /** Bytes of its files. */
  readonly bytes: number;
  readonly inodes: number;
}

/**
 * Unpacks a layer. The directory is complete and verified when this resolves, and gone when it rejects: with
 * `InvalidArgument` for a malformed or hostile archive, `FailedPrecondition` for a wrong digest, `ResourceExhausted` for a
 * limit or a full disk.
 */
export async function unpackLayer(request: UnpackRequest): Promise<UnpackedLayer> {
  await using undo = new AsyncDisposableStack();
  await mkdir(request.target, { recursive: true, mode: 0o755 });
  undo.defer(async () => await rm(request.target, { recursive: true, force: true }));
  await chmod(request.target, 0o755); // what mkdir makes depends on the umask
  const blobHash = createHash("sha256");
  const filter = new LayerFilter(request.limits ?? LAYER_LIMITS);
  using bulk = bulkTransfer();
  const { compression, tarHash } = await extract(request, { blobHash, filter, bulk }).catch((error: unknown) => {
    throw streamError("unpack the layer", error);
  });
  if (request.needsEndMark === true && !filter.ended) {
    throw new MinkeError("InvalidArgument", "Cannot read the tar archive: it is truncated; its end mark is missing");
  }
  const blobDigest = `sha256:${blobHash.digest("hex")}`;
  const diffId = tarHash === blobHash ? blobDigest : `sha256:${tarHash.digest("hex")}`;
  checkDigest("blob", request.blobDigest, blobDigest);
  checkDigest("uncompressed layer", request.diffId, diffId);
  undo.move();
  return { blobDigest, diffId, compression, ...filter.usage };
}

/** What looks at the bytes that pass. */
interface Watchers {
  readonly blobHash: Hash;
  readonly filter: LayerFilter;
  readonly bulk: BulkTransfer;
}

async function extract(
  request: UnpackRequest,
  { blobHash, filter, bulk }: Watchers,
): Promise<{ readonly compression: Compression; readonly tarHash: Hash }> {
  const blob = observed(request.blob, (chunk) => {
    blobHash.update(chunk);
    bulk.passed(chunk.length);
  });
  const { compression, content } = await decompress(blob);
  // An uncompressed blob is the tar stream: one digest serves for both.
  const tarHash = compression === "none" ? blobHash : createHash("sha256");
  const plain = observed(content, (chunk) => {
    if (tarHash === blobHash) return;
    tarHash.update(chunk);
    bulk.passed(chunk.length);
  });
  const tar = request.host.process.stream({ argv: TAR, cwd: request.target });
  try {
    await feed(tar, filter, plain);
  } catch (error) {
    tar.kill("SIGKILL");
    await tar.exited;
    throw error;
  }
  return { compression, tarHash };
}

async function* observed(
  source: AsyncIterable<Uint8Array>,
  look: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    look(chunk);
    yield chunk;
  }
}

/**
 * Tar's standard input, by way of one buffer that is used again and again: what a layer's small pieces are cut from is garbage at
 * once, and not when tar has come to it.
 */
class TarInput {
  readonly #stdin: ChildStream["stdin"];
  /** Ends the waiting for a tar that takes nothing any more. */
  readonly #gone: Promise<unknown>;
  readonly #buffer = Buffer.allocUnsafeSlow(TAR_INPUT_BYTES);
  #used = 0;

  constructor(tar: ChildStream) {
    this.#stdin = tar.stdin;
    this.#gone = tar.exited;
  }

  async write(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const taken = piece.copy(this.#buffer, this.#used, at);
        this.#used += taken;
        at += taken;
        if (this.#used === this.#buffer.length) await this.flush();
      }
    }
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    const data = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    // An error means that tar has ended, and its code tells why.
    await Promise.race([new Promise<void>((done) => this.#stdin.write(data, () => done())), this.#gone]);
  }
}

/** Sends the filtered stream to tar, and waits until tar has done its work. */
async function feed(tar: ChildStream, filter: LayerFilter, content: AsyncIterable<Uint8Array>): Promise<void> {
  const complaints: Buffer[] = [];
  let complaintBytes = 0;
  tar.stderr.on("data", (data: Buffer) => {
    if (complaintBytes < STDERR_BYTES_MAX) complaints.push(data);
    complaintBytes += data.length;
  });
  tar.stdout.resume();
  let isGone = false;
  const gone = tar.exited.then((code) => {
    isGone = true;
    return code;
  });
  const input = new TarInput(tar);
  for await (const chunk of content) {
    await input.write(filter.push(chunk));
    if (isGone) break;
  }
  if (!isGone) await input.write(filter.end());
  await input.flush();
  tar.stdin.end();
  const code = await gone;
  if (code !== 0) throw tarFailed(code, Buffer.concat(complaints).toString("utf8").slice(0, STDERR_BYTES_MAX));
}

/** Rejects with `FailedPrecondition` when they differ. */
export function checkDigest(what: string, expected: string | undefined, actual: string): void {
  if (expected === undefined || expected === actual) return;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot unpack the layer: its ${what} has digest ${actual}, not ${expected}: the data is damaged`,
    { details: { expected, actual } },
  );
}

function tarFailed(code: number, stderr: string): MinkeError {
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.includes("Exiting with failure status"));
  const why = lines[0] ?? `tar ended with code ${code}`;
  // A write that the disk takes in part has no error of its own: tar tells how much it took.
  if (/No space left on device|Wrote only \d+ of \d+ bytes/.test(stderr)) return diskFull("unpack the layer", why);
  return new MinkeError("Internal", `Cannot unpack the layer: ${why}`, {
    details: { argv: TAR, code, stderr: lines.slice(0, 20) },
  });
}
