/** The transport of Node: HTTP/1.1 and WebSockets over the node's unix socket. */
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { connect as connectSocket } from "node:net";
import { Readable } from "node:stream";

import type { RawData, WebSocket } from "ws";

import { errnoOf, MinkeError } from "../base/errors.ts";
import { textOf } from "./body.ts";
import { errorOfResponse } from "./status-error.ts";
import type { Transport, TransportRequest, TransportResponse, TransportSocket } from "./transport.ts";

/** Largest WebSocket message that is taken. */
const MESSAGE_MAX_BYTES = 16 * 1024 * 1024;
/** Messages read ahead of a slow reader before the socket is paused. */
const MESSAGES_AHEAD_MAX = 64;

/** A transport to the unix socket at `path`. Opens nothing until the first request. */
export function unixTransport(path: string): Transport {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 4 });
  return {
    target: path,
    request: (request) => send(path, agent, request),
    socket: (url, protocols, signal) => openSocket(path, url, { protocols, ...(signal ? { signal } : {}) }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function send(socketPath: string, agent: Agent, request: TransportRequest): Promise<TransportResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
  const outgoing = httpRequest({
    socketPath,
    agent,
    method: request.method,
    path: request.path,
    headers: { host: "localhost", ...request.headers },
    ...(request.signal ? { signal: request.signal } : {}),
  });
  outgoing.on("response", (incoming) => resolve(responseOf(incoming)));
  outgoing.on("error", (error) => reject(connectionError(socketPath, error, request.signal)));
  const body = request.body;
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) outgoing.end(body);
  else {
    const source = Readable.from(body, { objectMode: false });
    source.on("error", (error) => outgoing.destroy(error));
    source.pipe(outgoing);
  }
  return promise;
}

function responseOf(incoming: IncomingMessage): TransportResponse {
  return {
    status: incoming.statusCode ?? 0,
    header(name) {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    warnings: warningsOf(incoming.rawHeaders),
    body: incoming,
  };
}

/** The quoted texts of all `Warning: 299 - "…"` headers. */
function warningsOf(rawHeaders: readonly string[]): string[] {
  const texts: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== "warning") continue;
    // Node gives header bytes as latin1; the server writes UTF-8.
    const value = Buffer.from(rawHeaders[i + 1]!, "latin1").toString("utf8");
    for (const match of value.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g))
      texts.push(match[1]!.replaceAll(/\\(.)/g, "$1"));
  }
  return texts;
}

async function openSocket(
  socketPath: string,
  url: string,
  options: { readonly protocols: readonly string[]; readonly signal?: AbortSignal },
): Promise<TransportSocket> {
  options.signal?.throwIfAborted();
  const { WebSocket } = await import("ws");
  const { promise, resolve, reject } = Promise.withResolvers<TransportSocket>();
  const socket = new WebSocket(`ws://localhost${url}`, [...options.protocols], {
    createConnection: () => connectSocket(socketPath),
    perMessageDeflate: false,
    maxPayload: MESSAGE_MAX_BYTES,
  });
  const abort = (): void => socket.terminate();
  options.signal?.addEventListener("abort", abort, { once: true });
  const wrapped = wrapSocket(socket);
  socket.on("open", () => resolve(wrapped));
  socket.on("close", () => options.signal?.removeEventListener("abort", abort));
  socket.on("error", (error) => reject(connectionError(socketPath, error, options.signal)));
  socket.on("unexpected-response", (_request, response: IncomingMessage) => {
    textOf(response).then((body) => reject(errorOfResponse(response.statusCode ?? 500, body)), reject);
  });
  return promise;
}

function wrapSocket(socket: WebSocket): TransportSocket {
  const queue: Uint8Array[] = [];
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const notify = (): void => wake?.();
  socket.on("message", (data: RawData) => {
    queue.push(bytesOf(data));
    if (queue.length >= MESSAGES_AHEAD_MAX) socket.pause();
    notify();
  });
  socket.on("error", (error) => void (failure = error));
  socket.on("close", () => {
    ended = true;
    notify();
  });
  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const message = queue.shift();
      if (message) {
        if (socket.isPaused) socket.resume();
        yield message;
      } else if (ended) {
        if (failure)
          throw new MinkeError("Unavailable", `Cannot read from the node: ${failure.message}`, { cause: failure });
        return;
      } else {
        await new Promise<void>((resolve) => void (wake = resolve));
        wake = undefined;
      }
    }
  }
  return {
    get protocol() {
      return socket.protocol;
    },
    send: (message) =>
      new Promise((resolve, reject) => {
        if (socket.readyState !== socket.OPEN) return resolve();
        socket.send(message, { binary: true }, (error) =>
          error && socket.readyState === socket.OPEN ? reject(error) : resolve(),
        );
      }),
    messages: read(),
    close: () => socket.close(1000),
    [Symbol.dispose]: () => socket.terminate(),
  };
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

/** What a failed connection means to a person: which socket, why, and what to do. */
function connectionError(socketPath: string, error: Error, signal?: AbortSignal): Error {
  if (signal?.aborted) return signal.reason instanceof Error ? signal.reason : error;
  if (error instanceof MinkeError) return error;
  const errno = errnoOf(error);
  const details = { socket: socketPath, errno };
  if (errno === "ENOENT" || errno === "ECONNREFUSED") {
    const why = errno === "ENOENT" ? "there is no such socket" : "nothing listens there";
    return new MinkeError(
      "Unavailable",
      `Cannot connect to the node at ${socketPath}: ${why}; start a node with 'minke serve' (or 'npm start' in a checkout), or name another with --instance or --state`,
      { cause: error, reason: "NoNode", details },
    );
  }
  if (errno === "EACCES") {
    return new MinkeError(
      "PermissionDenied",
      `Cannot connect to the node at ${socketPath}: permission denied; run as the user of the node, such as root with 'sudo'`,
      { cause: error, details },
    );
  }
  return new MinkeError("Unavailable", `Cannot talk to the node at ${socketPath}: ${error.message}`, {
    cause: error,
    details,
  });
}
