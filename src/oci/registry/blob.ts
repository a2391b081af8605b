/**
 * A blob's bytes as they come, once each and in order, over as many connections as it takes: one that breaks or stalls goes
 * on with a Range request, at this host or the next. What is longer than its descriptor says is cut off at once.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import { type ErrorCode, MinkeError, isMinkeError } from "../../base/errors.ts";
import type { Descriptor } from "../image-format.ts";
import { refusal } from "./answer.ts";
import { batches } from "./batches.ts";
import type { Repository } from "./repository.ts";
import type { Source } from "./source.ts";
import { type HttpResponse, networkError } from "./transport.ts";

/** Milliseconds of waiting within which a connection has to bring so many bytes, or counts as stalled. */
const STALL_MS = 30_000;
const STALL_BYTES = 16 * 1024;
/** Connections in a row that bring nothing new. */
const FRUITLESS_MAX = 3;
/** Milliseconds before the next connection, times how many have been fruitless. */
const RECONNECT_MS = 500;

export interface BlobRequest {
  readonly repository: Repository;
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  /** Bytes that are here already. Default: 0. */
  readonly offset?: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Told which source the bytes come from. */
  readonly onSource?: (source: Source) => void;
}

/** Ends after exactly the descriptor's bytes. The reader checks the digest. Throws as {@link Repository.document} rejects. */
export async function* readRemoteBlob(request: BlobRequest): AsyncGenerator<Buffer> {
  const { descriptor, clock, signal } = request;
  let at = request.offset ?? 0;
  for (let fruitless = 0; at < descriptor.size;) {
    const before = at;
    try {
      for await (const chunk of bytesFrom(request, at)) {
        at += chunk.length;
        yield chunk;
      }
      if (at < descriptor.size) throw wrongLength(descriptor, `it ended after ${at} bytes`, "Unavailable");
    } catch (error) {
      fruitless = at > before ? 0 : fruitless + 1;
      if (!isMinkeError(error, "Unavailable") || signal?.aborted === true || fruitless >= FRUITLESS_MAX) throw error;
      await sleep(clock, RECONNECT_MS * Math.max(1, fruitless), signal);
    }
  }
}

async function* bytesFrom(request: BlobRequest, offset: number): AsyncGenerator<Buffer> {
  const { descriptor, repository } = request;
  const { response, source } = await repository.first("pull", async (one) => ({
    response: await open(one, request, offset),
    source: one,
  }));
  request.onSource?.(source);
  // A host that knows no ranges starts anew: what is here already is passed over.
  let skip = response.status === 206 ? 0 : offset;
  let left = descriptor.size - offset;
  try {
    for await (const chunk of watched(response, request.clock)) {
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      const rest = chunk.length - skipped;
      if (rest > left) throw wrongLength(descriptor, "it has more");
      left -= rest;
      if (rest > 0) yield skipped === 0 ? chunk : chunk.subarray(skipped);
    }
  } catch (error) {
    request.signal?.throwIfAborted();
    throw networkError(response.url, error);
  } finally {
    response.body.destroy();
  }
}

async function open(source: Source, { descriptor, signal }: BlobRequest, offset: number): Promise<HttpResponse> {
  const response = await source.request({
    method: "GET",
    path: `blobs/${descriptor.digest}`,
    headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
    scope: "pull",
    signal,
  });
  const { status, headers } = response;
  if (status !== 200 && status !== 206) throw await refusal(response, `get blob ${descriptor.digest}`);
  const isRange = status === 206;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
  const length = headers["content-length"];
  const whole = isRange ? range?.[2] : length;
  const isWrongPlace = isRange && Number(range?.[1] ?? -1) !== offset;
  const isWrongLength = whole !== undefined && whole !== "*" && Number(whole) !== descriptor.size;
  if (!isWrongPlace && !isWrongLength && (headers["content-encoding"] ?? "identity") === "identity") return response;
  response.body.destroy();
  if (isWrongLength) throw wrongLength(descriptor, `it says ${whole}`);
  throw wrongLength(descriptor, "it is no such part of the blob as was asked for");
}

/** The chunks of a body, with an error when they come too slowly. Time that the reader takes does not count. */
async function* watched(response: HttpResponse, clock: Clock): AsyncGenerator<Buffer> {
  const iterator = batches(response.body);
  let bytes = 0;
  let waitedMs = 0;
  const stall = (): void => void response.body.destroy(new Error(`it stalls: ${bytes} bytes in ${STALL_MS / 1000} s`));
  const read = async (): Promise<IteratorResult<Buffer>> => {
    using _timer = clock.timer(STALL_MS - waitedMs, stall);
    return await iterator.next();
  };
  for (;;) {
    const startMs = clock.monotonic();
    const next = await read();
    if (next.done === true) return;
    waitedMs += clock.monotonic() - startMs;
    bytes += next.value.length;
    if (bytes >= STALL_BYTES) bytes = waitedMs = 0;
    yield next.value;
  }
}

function wrongLength(
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  what: string,
  code: ErrorCode = "FailedPrecondition",
): MinkeError {
  const message = `Cannot get blob ${digest}: the manifest gives it ${size} bytes, and the registry's answer is another: ${what}`;
  return new MinkeError(code, message, { reason: code === "Unavailable" ? "RegistryUnavailable" : "ErrImagePull" });
}
