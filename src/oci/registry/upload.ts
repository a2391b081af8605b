/** Writing to a repository: the OCI distribution specification's push half. Blobs first, what refers to them last. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

import { type Clock, sleep } from "../../base/clock.ts";
import { isMinkeError } from "../../base/errors.ts";
import { readBlob } from "../blob-file.ts";
import { type Descriptor, isDigest } from "../image-format.ts";
import { refusal } from "./answer.ts";
import { wrongDigest } from "./repository.ts";
import type { Source } from "./source.ts";
import { type HttpResponse, unavailable } from "./transport.ts";

/** Uploads of one blob, when the connection breaks. */
const UPLOADS_MAX = 3;
/** Bytes of one request where a blob has to be sent in parts, unless the registry wants more (`OCI-Chunk-Min-Length`). */
const PART_BYTES = 4 * 1024 * 1024;
/** Status of a request whose body is too large, for the registry or a proxy before it. */
const TOO_LARGE = 413;
/** Milliseconds before the second; twice as long before the third. */
const AGAIN_MS = 1_000;

export interface BlobUpload {
  readonly source: Source;
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  /** The file with its content. */
  readonly path: string;
  /** Another repository of the registry that may have it (`library/nginx`): it is taken from there without being sent. */
  readonly from?: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told how many bytes have been read for sending. */
  readonly onBytes?: (bytes: number) => void;
}

/** Brings a blob to the repository; resolves with whether it was there or in `from` already. */
export async function uploadBlob(upload: BlobUpload): Promise<"present" | "sent"> {
  const { source, descriptor, clock, signal } = upload;
  const head = { method: "HEAD", path: `blobs/${descriptor.digest}`, scope: "pull,push", signal } as const;
  const found = await source.request(head);
  found.body.destroy();
  if (found.status === 200) return "present";
  if (found.status !== 404) throw await refusal(found, `look for blob ${descriptor.digest}`);
  if (upload.from !== undefined && (await mount(upload, upload.from))) return "present";
  let inParts = false;
  for (let n = 1; ; n++) {
    try {
      await send(upload, inParts);
      return "sent";
    } catch (error) {
      signal.throwIfAborted();
      const isTooLarge: boolean = isMinkeError(error) && error.details["status"] === TOO_LARGE && !inParts;
      if (n === UPLOADS_MAX || !(isTooLarge || isMinkeError(error, "Unavailable"))) throw error;
      // Who finds a request too large may close the connection before that can be read.
      inParts ||= isTooLarge || n + 1 === UPLOADS_MAX;
      if (!isTooLarge) await sleep(clock, AGAIN_MS * n, signal);
    }
  }
}

/** Writes a manifest under a tag or its digest. */
export async function putManifest(
  source: Source,
  target: string,
  manifest: { readonly descriptor: Descriptor; readonly data: Buffer },
  signal: AbortSignal,
): Promise<void> {
  const { descriptor, data } = manifest;
  const response = await source.request({
    method: "PUT",
    path: `manifests/${target}`,
    headers: { "content-type": descriptor.mediaType, "content-length": String(data.length) },
    body: data,
    scope: "pull,push",
    signal,
  });
  await requireStatus(response, [201, 200, 202], `write manifest ${target}`);
  const digest = response.headers["docker-content-digest"];
  if (isDigest(digest) && digest !== descriptor.digest) {
    throw wrongDigest(`manifest ${target}`, descriptor.digest, digest, response.url.origin);
  }
}

/** False when the registry wants it sent: it does not know this way, or the blob is not there, or not for this asker. */
async function mount({ source, descriptor, signal }: BlobUpload, from: string): Promise<boolean> {
  const query = new URLSearchParams({ mount: descriptor.digest, from });
  const response = await source.request({
    method: "POST",
    path: `blobs/uploads/?${query.toString()}`,
    headers: { "content-length": "0" },
    scope: "pull,push",
    signal,
  });
  response.body.resume();
  if (response.status === 202) await cancel(source, response, signal);
  return response.status === 201;
}

/** Gives an upload back that is not needed. Registries need not know how; they forget it after some time. */
async function cancel(source: Source, begun: HttpResponse, signal: AbortSignal): Promise<void> {
  try {
    const path = locationOf(source, begun);
    const response = await source.request({ method: "DELETE", path, scope: "pull,push", signal });
    response.body.resume();
  } catch {
    signal.throwIfAborted();
  }
}

/**
 * All in one request; in parts where the registry has said by their least length that it wants those, or that one request is too
 * large.
 */
async function send(upload: BlobUpload, inParts: boolean): Promise<void> {
  const { source, descriptor, path, signal, onBytes } = upload;
  const { digest, size } = descriptor;
  const action = `send blob ${digest}`;
  const begun = await source.request({
    method: "POST",
    path: "blobs/uploads/",
    headers: { "content-length": "0" },
    scope: "pull,push",
    signal,
  });
  await requireStatus(begun, [202], action);
  const least = Number(begun.headers["oci-chunk-min-length"] ?? 0) || 0;
  if (inParts || least > 0) return await sendParts(upload, locationOf(source, begun), Math.max(least, PART_BYTES));
  const url = locationOf(source, begun);
  url.searchParams.set("digest", digest);
  const body = Readable.from(counted(readBlob(path, digest), onBytes), { objectMode: false });
  try {
    const response = await source.request({
      method: "PUT",
      path: url,
      headers: { "content-type": "application/octet-stream", "content-length": String(size) },
      body,
      scope: "pull,push",
      signal,
    });
    await requireStatus(response, [201], action);
  } finally {
    body.destroy();
  }
}

/** Each part goes where the answer to the last one says. The registry checks the digest at the end. */
async function sendParts(
  { source, descriptor, path, signal, onBytes }: BlobUpload,
  begin: URL,
  partBytes: number,
): Promise<void> {
  const action = `send blob ${descriptor.digest}`;
  let url = begin;
  for (let at = 0; at < descriptor.size;) {
    const end = Math.min(at + partBytes, descriptor.size);
    const body = createReadStream(path, { start: at, end: end - 1 });
    try {
      const response = await source.request({
        method: "PATCH",
        path: url,
        headers: {
          "content-type": "application/octet-stream",
          "content-length": String(end - at),
          "content-range": `${at}-${end - 1}`,
        },
        body,
        scope: "pull,push",
        signal,
      });
      await requireStatus(response, [202], action);
      url = locationOf(source, response);
    } finally {
      body.destroy();
    }
    at = end;
    onBytes?.(at);
  }
  url.searchParams.set("digest", descriptor.digest);
  const headers = { "content-length": "0" };
  const response = await source.request({ method: "PUT", path: url, headers, scope: "pull,push", signal });
  await requireStatus(response, [201], action);
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    onBytes((bytes += chunk.byteLength));
  }
}

/**
 * Where an upload goes on. A registry behind a proxy that ends TLS often gives a URL of itself with `http`: on the same
 * host, the way that led here is kept, so that nothing goes out in the clear.
 */
function locationOf({ host }: Source, { headers, url }: HttpResponse): URL {
  const own = new URL(host.root);
  let target: URL;
  try {
    target = new URL(headers.location ?? "", url);
  } catch {
    throw unavailable(url, "it gives an upload a location that is no URL");
  }
  if (headers.location === undefined) throw unavailable(url, "it gives an upload no location");
  if (target.host === own.host) target.protocol = own.protocol;
  const isDowngrade = own.protocol === "https:" && target.protocol !== "https:" && host.tls.verify;
  if (isDowngrade || !/^https?:$/.test(target.protocol)) {
    throw unavailable(url, `it sends an upload to ${target.protocol}//${target.host}, which is not followed`);
  }
  return target;
}

async function requireStatus(response: HttpResponse, wanted: readonly number[], action: string): Promise<void> {
  if (!wanted.includes(response.status)) throw await refusal(response, action);
  response.body.resume();
}
