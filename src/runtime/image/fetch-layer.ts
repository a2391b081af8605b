/**
 * Brings one layer here: its blob and its unpacked files, whichever is missing. What comes from the registry is written to
 * a partial blob, digested, decompressed and unpacked in one pass; nothing is visible before both digests are checked. The
 * partial blob outlives a failure of the network and of this process, and the next attempt goes on behind it.
 */
import { existsSync } from "node:fs";
import { open, rm, stat } from "node:fs/promises";

import type { Clock } from "../../base/clock.ts";
import { isMinkeError } from "../../base/errors.ts";
import { bulkTransfer } from "../../base/heap.ts";
import { readBlob } from "../../oci/blob-file.ts";
import type { Descriptor } from "../../oci/image-format.ts";
import { LAYER_LIMITS, type LayerLimits } from "../../oci/layer-filter.ts";
import { readRemoteBlob } from "../../oci/registry/blob.ts";
import type { Repository } from "../../oci/registry/repository.ts";
import type { Source } from "../../oci/registry/source.ts";
import { checkDigest } from "../../oci/layers.ts";
import type { Content } from "./content.ts";
import type { Layers } from "./layers.ts";
import type { TransferProgress } from "./transfer-progress.ts";
import { createHash } from "node:crypto";

/**
 * Uncompressed bytes of a layer per compressed one, beyond the first {@link PLAIN_BYTES_MIN}. Gzip reaches 1,030 with zeros;
 * what people put into images stays far below 100.
 */
const EXPANSION_MAX = 200;
const PLAIN_BYTES_MIN = 4 * 1024 ** 3;

export interface LayerRequest {
  readonly content: Content;
  readonly layers: Layers;
  readonly clock: Clock;
  readonly repository: Repository;
  readonly image: string;
  readonly descriptor: Descriptor;
  readonly diffId: string;
  readonly progress: TransferProgress;
  readonly signal: AbortSignal;
}

/** Inside a {@link Content.hold} of both digests, and alone with this blob. */
export async function fetchLayer(request: LayerRequest): Promise<void> {
  const { content, layers, descriptor, diffId, progress } = request;
  const { digest, size } = descriptor;
  if (existsSync(content.paths.blob(digest))) {
    if (layers.has(diffId) || (await unpackPresent(request))) return progress.layer(digest, "present", size);
  }
  for (;;) {
    let source: Source | undefined;
    try {
      await download(request, (one) => (source = one));
      return progress.layer(digest, "done", size);
    } catch (error) {
      if (keepsPartial(error, request.signal)) throw error;
      await rm(content.paths.partial(digest), { force: true });
      // A mirror that serves what it should not is no reason to do without the registry itself.
      const isWrong = isMinkeError(error, "FailedPrecondition") || isMinkeError(error, "InvalidArgument");
      if (!isWrong || source?.host.mirrors !== true || !request.repository.distrust(source)) throw error;
    }
  }
}

/** Whether what is here of a blob is worth keeping: it is good as far as it goes. */
function keepsPartial(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || isMinkeError(error, "Unavailable") || isMinkeError(error, "PermissionDenied");
}

/** Unpacks from the blob in the store; false when that is damaged, and gone now. */
async function unpackPresent(request: LayerRequest): Promise<boolean> {
  const { content, layers, image, descriptor, diffId, progress } = request;
  progress.layer(descriptor.digest, "unpacking");
  try {
    await layers.alone(diffId, () => layers.unpackStored(image, descriptor.digest, diffId));
    return true;
  } catch (error) {
    if (!isMinkeError(error, "FailedPrecondition")) throw error;
    await rm(content.paths.blob(descriptor.digest), { force: true });
    return false;
  }
}

async function download(request: LayerRequest, onSource: (source: Source) => void): Promise<void> {
  const { content, layers, descriptor, diffId } = request;
  const { digest } = descriptor;
  const blob = arriving(request, onSource);
  let isRead = false;
  await layers.alone(diffId, async () => {
    isRead = true;
    await using pending = await layers.unpack({ blob, blobDigest: digest, diffId, limits: limitsOf(descriptor) });
    await content.putFile(digest, content.paths.partial(digest));
    await pending.place();
  });
  if (isRead) return;
  const hash = createHash("sha256");
  using bulk = bulkTransfer();
  for await (const chunk of blob) {
    hash.update(chunk);
    bulk.passed(chunk.length);
  }
  checkDigest("blob", digest, `sha256:${hash.digest("hex")}`);
  await content.putFile(digest, content.paths.partial(digest));
}

/** The blob from its beginning: what is here of it, then what comes, which is written behind it. On the disk at the end. */
async function* arriving(request: LayerRequest, onSource: (source: Source) => void): AsyncGenerator<Uint8Array> {
  const { content, clock, repository, descriptor, progress, signal } = request;
  const { digest, size } = descriptor;
  const path = content.paths.partial(digest);
  let at = await sizeOf(path);
  if (at > size) {
    await rm(path);
    at = 0;
  }
  progress.layer(digest, "pulling", at);
  if (at > 0) yield* untilAborted(readBlob(path), signal);
  await using file = await open(path, "a", 0o600);
  for await (const chunk of readRemoteBlob({ repository, descriptor, offset: at, clock, signal, onSource })) {
    await file.writeFile(chunk);
    at += chunk.length;
    progress.layer(digest, at < size ? "pulling" : "unpacking", at);
    yield chunk;
  }
  await file.datasync();
}

async function* untilAborted(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    yield chunk;
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => ({ size: 0 }))).size;
}

function limitsOf({ size }: Descriptor): LayerLimits {
  const bytes = Math.min(LAYER_LIMITS.bytes, Math.max(PLAIN_BYTES_MIN, size * EXPANSION_MAX));
  return { ...LAYER_LIMITS, bytes };
}
