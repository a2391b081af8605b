/** Writing to a repository: the OCI distribution specification's push half. Blobs first, what refers to them last. */
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
  for (let n = 1; ; n++) {
    try {
      await send(upload);
      return "sent";
    } catch (error) {
      signal.throwIfAborted();
      if (n === UPLOADS_MAX || !isMinkeError(error, "Unavailable")) throw error;
      await sleep(clock, AGAIN_MS * n, signal);
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

/** All in one request. */
async function send({ source, descriptor, path, signal, onBytes }: BlobUpload): Promise<void> {
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
