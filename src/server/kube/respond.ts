/** Writes responses: objects, lists and errors, as JSON or as a Table when the client prefers one. */
import type { ServerResponse } from "node:http";

import type { KubeObject } from "../../api/object.ts";
import type { RequestContext, ResourceContext } from "./context.ts";
import { isTable, renderTable } from "./table-format.ts";
import { statusOf } from "../../api/status.ts";

/** All warnings of one response together, in characters, as the Kubernetes API server has it. */
const WARNINGS_MAX_CHARS = 4 * 1024;

/** Sends plain JSON. */
export function sendJson(context: RequestContext, code: number, value: unknown, type = "application/json"): void {
  const body = Buffer.from(JSON.stringify(value));
  writeHead(context, code, { "content-type": type, "content-length": body.length });
  context.response.end(body);
}

/** Sends an object, or as a Table when that is what the client accepts. */
export function sendObject(context: ResourceContext, code: number, object: KubeObject): void {
  if (isTable(context)) return sendJson(context, code, renderTable(context, [object]));
  sendJson(context, code, object);
}

/** Sends a list. */
export function sendList(
  context: ResourceContext,
  kind: string,
  apiVersion: string,
  list: { readonly items: readonly KubeObject[]; readonly resourceVersion: string },
): void {
  const metadata = { resourceVersion: list.resourceVersion };
  if (isTable(context)) return sendJson(context, 200, renderTable(context, list.items, list.resourceVersion));
  sendJson(context, 200, { kind: `${kind}List`, apiVersion, metadata, items: list.items });
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
  return context.response;
}

/** Sends anything thrown as a `Status`; when the response has begun the connection is cut, so that nobody takes it for whole. */
export function sendError(context: RequestContext, error: unknown): void {
  if (context.response.headersSent) return void context.response.destroy();
  const status = statusOf(error);
  sendJson(context, status.code ?? 500, status);
}

function writeHead(context: RequestContext, code: number, headers: Record<string, string | number>): void {
  const warnings = warningHeaders(context.warnings);
  if (warnings.length > 0) context.response.setHeader("warning", warnings);
  context.response.writeHead(code, { "cache-control": "no-cache, private", ...headers });
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
