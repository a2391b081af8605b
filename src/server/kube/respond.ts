/** Writes responses: objects, lists and errors, in the form that the client prefers. */
import type { ServerResponse } from "node:http";

import type { ListMeta } from "../../api/gen/types.ts";
import type { KubeObject } from "../../api/object.ts";
import { statusOf } from "../../api/status.ts";
import type { RequestContext, ResourceContext } from "./context.ts";
import { encode, outputFormOf, PLAIN } from "./negotiate.ts";
import type { OutputForm } from "./negotiate.ts";
import { noteStarted } from "./request-record.ts";
import { asForm, listAsForm } from "./table-format.ts";

/** All warnings of one response together, in characters, as the Kubernetes API server has it. */
const WARNINGS_MAX_CHARS = 4 * 1024;

/** A list of more items is sent in blocks. */
const ITEMS_AT_ONCE_MAX = 100;
const LIST_BLOCK_BYTES = 256 * 1024;
/** Of one UTF-16 unit. */
const UTF8_MAX_BYTES = 3;

/** Sends a document in the form that the client accepts. */
export function sendJson(context: RequestContext, code: number, value: unknown, type?: string): void {
  sendEncoded(context, code, encode(value, type === undefined ? outputFormOf(context, "document") : PLAIN), type);
}

/**
 * Sends an object, as a Table or its metadata only when that is what the client accepts; not before the store will keep it.
 */
export async function sendObject(context: ResourceContext, code: number, object: KubeObject): Promise<void> {
  await context.node.store.synced();
  const form = outputFormOf(context);
  sendEncoded(context, code, encode(asForm(context, object, form), form));
}

/** Sends a list, in the same forms and as late. */
export async function sendList(
  context: ResourceContext,
  items: readonly KubeObject[],
  metadata: ListMeta,
): Promise<void> {
  await context.node.store.synced();
  const form = outputFormOf(context);
  const isPlain = form.as === undefined && form.format === "json" && !form.pretty;
  if (isPlain && items.length > ITEMS_AT_ONCE_MAX) return await streamList(context, items, metadata);
  sendEncoded(context, 200, encode(listAsForm(context, { items, metadata }, form), form));
}

/**
 * A long list, block by block: it is never whole in memory, and others are served in between. Its texts are put into one
 * buffer, so that they die young and the heap does not grow with what passes through.
 */
async function streamList(context: ResourceContext, items: readonly KubeObject[], metadata: ListMeta): Promise<void> {
  const frame = JSON.stringify(listAsForm(context, { items: [], metadata }, PLAIN));
  const response = startStream(context, "application/json");
  if (context.request.method === "HEAD") return void response.end();
  const block = Buffer.allocUnsafeSlow(LIST_BLOCK_BYTES);
  let used = 0;
  let separator = frame.slice(0, -"]}".length);
  for (const item of items) {
    const text = separator + JSON.stringify(item);
    separator = ",";
    const most = text.length * UTF8_MAX_BYTES;
    if (used + most > block.length) {
      await writeThrough(context, block.subarray(0, used));
      used = 0;
    }
    if (context.signal.aborted) return;
    if (most > block.length) await writeThrough(context, text);
    else used += block.write(text, used);
  }
  await writeThrough(context, block.subarray(0, used));
  response.end("]}");
}

/** Resolves when the kernel has all of it, or the client has gone. */
async function writeThrough({ response, signal }: RequestContext, chunk: string | Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  signal.addEventListener("abort", done);
  response.write(chunk, done);
  if (!signal.aborted) await promise;
  signal.removeEventListener("abort", done);
}

/** Resolves when the client has read enough for more to be written, or has gone. */
export async function drained({ response, signal }: RequestContext): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.on("drain", done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}

function sendEncoded(
  context: RequestContext,
  code: number,
  { text, type }: ReturnType<typeof encode>,
  exactType = type,
): void {
  sendBytes(context, code, Buffer.from(text), exactType);
}

/** Sends bytes as they are. */
export function sendBytes(context: RequestContext, code: number, body: Buffer, type: string): void {
  writeHead(context, code, { "content-type": type, "content-length": body.length });
  context.response.end(body);
}

/** Sends text. */
export function sendText(context: RequestContext, code: number, text: string): void {
  writeHead(context, code, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(text) });
  context.response.end(text);
}

/** Starts a response of unknown length. */
export function startStream(context: RequestContext, type: string): ServerResponse {
  writeHead(context, 200, { "content-type": type });
  context.response.flushHeaders();
  noteStarted(context.record, 200);
  return context.response;
}

/** Sends anything thrown as a `Status`; when the response has begun the connection is cut, so that nobody takes it for whole. */
export function sendError(context: RequestContext, error: unknown): void {
  const status = statusOf(error);
  context.record.failure = status;
  if (context.response.headersSent) return void context.response.destroy();
  const waitS = status.details?.retryAfterSeconds;
  if (waitS !== undefined) context.response.setHeader("retry-after", String(waitS));
  sendEncoded(context, status.code ?? 500, encode(status, errorForm(context)));
}

/** An error is told even to a client that accepts none of our forms. */
function errorForm(context: RequestContext): OutputForm {
  try {
    return outputFormOf(context);
  } catch {
    return PLAIN;
  }
}

function writeHead(context: RequestContext, code: number, headers: Record<string, string | number>): void {
  const warnings = warningHeaders(context.warnings);
  if (warnings.length > 0) context.response.setHeader("warning", warnings);
  context.response.writeHead(code, {
    "cache-control": "no-cache, private",
    "x-content-type-options": "nosniff",
    ...headers,
  });
}

/** RFC 7234: `299 - "text"`; quotes and backslashes are escaped, what a header can not carry becomes a question mark. */
export function warningHeaders(warnings: readonly string[]): string[] {
  const headers: string[] = [];
  let left = WARNINGS_MAX_CHARS;
  for (const warning of new Set(warnings)) {
    left -= warning.length;
    if (left < 0) break;
    headers.push(`299 - "${warning.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, String.raw`\$&`)}"`);
  }
  return headers;
}
