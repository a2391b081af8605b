/**
 * pods/[scheme:]NAME[:port]/proxy/…: an HTTP request to a port of the Pod, and its answer. Neither is kept: bytes go through
 * as fast as the slower side takes them. Kubernetes: apimachinery util/proxy/upgradeaware.go, pkg/registry/core/pod/strategy.go
 * (ResourceLocation). Links in HTML are left as they are, and WebSockets are for port-forward.
 */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { Duplex, type Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect as connectTls } from "node:tls";

import type { Pod } from "../../../api/gen/types.ts";
import { badRequest } from "../../../api/status.ts";
import { messageOf, MinkeError } from "../../../base/errors.ts";
import type { StreamRuntime } from "../../stream/session-channels.ts";
import type { ResourceContext } from "../context.ts";
import { pathNotFound } from "../errors.ts";
import { storedObject } from "../objects/get.ts";

/** All headers of the Pod's answer together, in bytes. */
const HEADERS_MAX_BYTES = 64 * 1024;
/** Those that are about one connection, RFC 9110 §7.6.1, and what `Connection` names comes on top. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** What was meant for us: who the client is, or acts as. */
const OURS = /^(authorization|impersonate-.*|:.*)$/;
/** Methods whose requests have no body unless they say so. */
const BODILESS = new Set(["GET", "HEAD", "DELETE"]);

type StreamSession = Awaited<ReturnType<StreamRuntime["portForward"]>>;

interface Target {
  readonly secure: boolean;
  readonly name: string;
  readonly port: string;
}

export async function proxyToPod(context: ResourceContext): Promise<void> {
  const { node, info, request, response, signal } = context;
  if (context.upgrade) throw badRequest("Cannot upgrade a connection through the proxy of a Pod; use port-forward");
  const [path, query] = splitAt(request.url ?? "/", "?");
  const inside = /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+\/proxy(\/.*)?$/.exec(path);
  if (!inside) throw pathNotFound();
  if (inside[1] === undefined) {
    // Relative links of the page behind it would miss it otherwise.
    response.writeHead(301, { location: `${path}/${query}` }).end();
    return;
  }
  const target = targetOf(info.name);
  const pod = storedObject({ ...context, info: { ...info, name: target.name } }) as Pod;
  const port = portOf(pod, target);
  const sandboxId = await node.engine.sandbox(pod);
  const session = await reached(node.streams.portForward(sandboxId, port));
  try {
    const outgoing = httpRequest({
      method: request.method ?? "GET",
      path: inside[1] + query,
      headers: requestHeaders(context, `${pod.status?.podIP ?? target.name}:${port}`, path),
      maxHeaderSize: HEADERS_MAX_BYTES,
      createConnection: () => connectionTo(session, target.secure),
      signal,
    });
    const answer = await reached(exchange(request, outgoing));
    response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
    await pipeline(answer, response);
  } finally {
    session.close();
  }
}

/** Sends, and resolves with the head of the answer, which may come before all is sent. */
async function exchange(request: IncomingMessage, outgoing: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.once("response", resolve).on("error", reject);
  const { headers, method = "GET" } = request;
  const framed = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
  if (framed || !BODILESS.has(method)) pipeline(request, outgoing).catch(reject);
  else outgoing.end();
  return await promise;
}

async function reached<T>(attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (error) {
    throw new MinkeError("Unavailable", `error trying to reach service: ${messageOf(error)}`, { cause: error });
  }
}

/** The Pod's port as a connection. What TLS shows is not verified: the Pod itself is what was asked for. */
function connectionTo(session: StreamSession, secure: boolean): Duplex {
  const plain = Duplex.from({ readable: session.stdout as Readable, writable: session.stdin as Writable });
  return secure ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
}

/** `name`, `name:port` or `scheme:name:port`, where scheme and port may be empty. Kubernetes: SplitSchemeNamePort. */
function targetOf(text: string): Target {
  const parts = text.split(":");
  const [scheme = "", name = "", port = ""] = parts.length === 3 ? parts : ["", ...parts];
  const emptyPort = parts.length === 2 && port === "";
  if (parts.length > 3 || name === "" || emptyPort || !["", "http", "https"].includes(scheme)) {
    throw badRequest(`invalid pod request ${JSON.stringify(text)}`);
  }
  return { secure: scheme === "https", name, port };
}

/** The port that is asked for, else the first that a container names, else that of the scheme. */
function portOf({ spec }: Pod, { name, port, secure }: Target): number {
  if (port === "") {
    const named = (spec?.containers ?? []).flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort));
    return named[0] ?? (secure ? 443 : 80);
  }
  const number = Number(port);
  if (/^\d+$/.test(port) && number > 0 && number <= 0xffff) return number;
  throw badRequest(`invalid pod request "${name}:${port}": the port is not a number from 1 to 65535`);
}

/** As Kubernetes' proxy: the Pod sees itself as the host, and in `X-Forwarded-*` what the client asked. */
function requestHeaders({ request }: ResourceContext, host: string, path: string): IncomingHttpHeaders {
  const { headers, socket } = request;
  const kept = Object.entries(withoutHops(headers)).filter(([name]) => !OURS.test(name));
  const asked = headers.host ?? headers[":authority"];
  return {
    ...Object.fromEntries(kept),
    host,
    ...(headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": "chunked" }),
    ...(typeof asked === "string" ? { "x-forwarded-host": asked } : {}),
    "x-forwarded-proto": "encrypted" in socket ? "https" : "http",
    "x-forwarded-uri": path,
  };
}

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

/** The text before and from the first `mark`. */
function splitAt(text: string, mark: string): readonly [before: string, from: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}
