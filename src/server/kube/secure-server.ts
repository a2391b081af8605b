/**
 * HTTPS: HTTP/2 and HTTP/1.1 (which upgrades need) on one port. A port is bound before there is a certificate, so that
 * starting does not wait for one to be made: who connects earlier waits in the handshake.
 */
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import { errnoOf, MinkeError } from "../../base/errors.ts";

/** All PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
  /** Client certificates that this CA has signed are believed. */
  readonly ca: string;
}

export interface RequestHandlers {
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Connections to one port at a time; more are closed at once. */
const CONNECTIONS_MAX = 1_000;
/** Requests that one HTTP/2 connection may have under way. Kubernetes: --http2-max-streams-per-connection. */
const STREAMS_MAX = 250;
const HANDSHAKE_MS = 10_000;
/** A request's line and headers together; a command of `exec` is part of them. */
export const HEADERS_MAX_BYTES = 256 * 1024;
/** Uploads and watches take as long as they take; a slow head does not. In milliseconds. */
export const HTTP_TIMEOUTS = { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 60_000 } as const;

export class SecureServer {
  readonly #handlers: RequestHandlers;
  readonly #ports = new Set<Server>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<Socket>();
  #tls: Http2SecureServer | undefined;

  constructor(handlers: RequestHandlers) {
    this.#handlers = handlers;
  }

  /**
   * Listens on this address too, for peers at addresses that `admits`; port 0 = any that is free. Returns the port. Rejects
   * with `FailedPrecondition`.
   */
  async bind(host: string, port: number, admits: (peer: string) => boolean = () => true): Promise<number> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      if (admits(socket.remoteAddress ?? "")) this.#accept(socket);
      else socket.destroy();
    });
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(bindError(host, port, error)));
      server.listen({ host, port, exclusive: true }, resolve);
    });
    this.#ports.add(server);
    return (server.address() as AddressInfo).port;
  }

  /** Shows this certificate from now on. */
  identify({ certificate, key, ca }: TlsIdentity): void {
    const context = { cert: certificate, key, ca, minVersion: "TLSv1.2" } as const;
    if (this.#tls) return this.#tls.setSecureContext(context);
    this.#tls = createSecureServer({
      ...context,
      ...HTTP_TIMEOUTS,
      allowHTTP1: true,
      requestCert: true,
      // Who shows none, or a wrong one, is told so by a Status.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      maxHeaderSize: HEADERS_MAX_BYTES,
      settings: { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: HEADERS_MAX_BYTES },
    } as Parameters<typeof createSecureServer>[0]);
    this.#tls.on("request", (request, response) =>
      // Node's compatibility classes have what the handlers use.
      this.#handlers.onRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse),
    );
    this.#tls.on("upgrade", this.#handlers.onUpgrade);
    this.#tls.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => session.destroy());
    });
    for (const socket of this.#waiting) this.#tls.emit("connection", socket);
    this.#waiting.clear();
  }

  /** Stops accepting, and asks HTTP/2 clients to go when what is under way has ended. Resolves when all have gone. */
  async close(): Promise<void> {
    const closed = [...this.#ports].map((port) => new Promise<void>((resolve) => port.close(() => resolve())));
    for (const socket of this.#waiting) socket.destroy();
    for (const session of this.#sessions) session.close();
    // It never listened itself, but this ends idle HTTP/1.1 connections.
    this.#tls?.close();
    await Promise.all(closed);
  }

  /** Ends every connection now. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#waiting.delete(socket);
    });
    socket.on("error", () => socket.destroy());
    if (this.#tls) this.#tls.emit("connection", socket);
    else this.#waiting.add(socket);
  }
}

function bindError(host: string, port: number, error: Error): MinkeError {
  const errno = errnoOf(error) ?? error.message;
  const why = errno === "EADDRINUSE" ? "another program listens there" : errno;
  return new MinkeError(
    "FailedPrecondition",
    `Cannot listen on ${host}:${port}: ${why}; choose another address with --listen, or a free port with port 0`,
    { cause: error, details: { host, port, errno } },
  );
}
