/**
 * The HTTP server behind the URLs that the CRI answers to Exec, Attach and PortForward: a kubelet or crictl comes back on
 * loopback with the URL's one-time token, and leaves HTTP for SPDY or WebSocket. Kubernetes: k8s.io/cri-streaming server.go.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { Clock } from "../../base/clock.ts";
import { isMinkeError, messageOf, MinkeError } from "../../base/errors.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { serveAttach } from "./attach-session.ts";
import { acceptCommand } from "./command-channels.ts";
import { serveExec } from "./exec-session.ts";
import type { ExecSessionRequest } from "./exec-session.ts";
import { negotiateCommand, negotiatePortForward } from "./negotiate.ts";
import { servePortForward } from "./port-forward.ts";
import type { StreamOptions, StreamRuntime } from "./session-channels.ts";
import { upgradeResponse } from "./upgrade.ts";
import type { Upgrade } from "./upgrade.ts";
import { UrlTokens } from "./url-tokens.ts";
import { PORTS_MAX } from "./websocket-port-forward.ts";

export interface AttachSessionRequest extends StreamOptions {
  readonly containerId: string;
}

export interface StreamingServer extends AsyncDisposable {
  /**
   * `http://127.0.0.1:PORT/exec/TOKEN`; single use, one minute, at most 1000 in flight. Throws `InvalidArgument` (tty with
   * stderr, no stream at all, no command) and `ResourceExhausted`.
   */
  execUrl(request: ExecSessionRequest): string;
  attachUrl(request: AttachSessionRequest): string;
  /** `ports` are for WebSocket clients with plain channels; over SPDY the client names a port with each connection. */
  portForwardUrl(sandboxId: string, ports?: readonly number[]): string;
}

export interface StreamingServerOptions {
  readonly streams: StreamRuntime;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: any that is free. */
  readonly port?: number;
}

/** How long clients may take to hear of the end when the server closes, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

/** What serves one token's client. */
type Session = (upgrade: Upgrade) => Promise<void>;

const HTTP_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  InvalidArgument: 400,
  NotFound: 404,
  PermissionDenied: 403,
};

/** Listens at once; that costs nothing until a client comes. Dispose to end all sessions. */
export async function createStreamingServer(options: StreamingServerOptions): Promise<StreamingServer> {
  const { streams, clock, log, host = "127.0.0.1", port = 0 } = options;
  const tokens = new UrlTokens<{ readonly path: string; readonly session: Session }>(clock);
  const upgraded = new Set<Duplex>();
  const stopping = new AbortController();
  const server = createServer();
  server.on("request", (request, response) => void serve(request, response));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.on("close", () => upgraded.delete(socket));
    socket.on("error", () => socket.destroy());
    const response = upgradeResponse(request, socket);
    void serve(request, response, { request, response, socket, head });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;

  return {
    execUrl(request) {
      if (request.command.length === 0) throw invalid("exec", "no command is given");
      requireStreams("exec", request);
      return urlOf("exec", async (upgrade) => {
        const channels = await acceptCommand(upgrade, negotiateCommand(upgrade), request, clock);
        await serveExec(streams, request, channels, stopping.signal);
      });
    },
    attachUrl(request) {
      requireStreams("attach", request);
      return urlOf("attach", async (upgrade) => {
        const channels = await acceptCommand(upgrade, negotiateCommand(upgrade), request, clock);
        await serveAttach(streams, request.containerId, channels, stopping.signal);
      });
    },
    portForwardUrl: (sandboxId, ports = []) =>
      urlOf("portforward", async (upgrade) => {
        const framing = negotiatePortForward(upgrade);
        if (framing.type === "websocket") requirePorts(ports);
        await servePortForward(streams, { sandboxId, ports }, upgrade, framing, { clock, stopping: stopping.signal });
      }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stopping.abort();
      server.closeAllConnections();
      using _ = clock.timer(CLOSE_GRACE_MS, () => {
        for (const socket of upgraded) socket.destroy();
      });
      await closed;
    },
  };

  function urlOf(kind: string, session: Session): string {
    const path = `/${kind}/`;
    const address = host.includes(":") ? `[${host}]` : host;
    return `http://${address}:${bound}${path}${tokens.issue({ path, session })}`;
  }

  async function serve(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    try {
      const session = sessionOf(request);
      if (!upgrade) throw new MinkeError("InvalidArgument", "Upgrade request required");
      await session(upgrade);
    } catch (error) {
      log.debug({ method: request.method, error: messageOf(error) }, "Refused a stream");
      refuse(response, error);
    }
  }

  function sessionOf({ method = "", url = "" }: IncomingMessage): Session {
    const [, path, token = ""] = /^(\/[a-z]+\/)([\w-]+)(?:\?.*)?$/.exec(url) ?? [];
    if (method === "GET" || method === "POST") {
      const found = tokens.take(token);
      if (found && found.path === path) return found.session;
    }
    throw new MinkeError("NotFound", "no such stream: its token is unknown, used, or older than a minute");
  }
}

function requireStreams(action: string, { stdin, stdout, stderr, tty }: StreamOptions): void {
  if (tty && stderr) throw invalid(action, "tty and stderr cannot both be true; with a terminal there is one output");
  if (!stdin && !stdout && !stderr) throw invalid(action, "one of stdin, stdout, stderr must be true");
}

function requirePorts(ports: readonly number[]): void {
  if (ports.length > 0 && ports.length <= PORTS_MAX) return;
  throw invalid("portforward", `1 to ${PORTS_MAX} ports must be named for plain channels, not ${ports.length}`);
}

function invalid(action: string, why: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot ${action}: ${why}`);
}

/** In HTTP, as long as the client has not left it. */
function refuse(response: ServerResponse, error: unknown): void {
  if (!response.socket) return;
  const code = isMinkeError(error) ? (HTTP_STATUS[error.code] ?? 500) : 500;
  response.writeHead(code, { "content-type": "text/plain; charset=utf-8" }).end(`${messageOf(error)}\n`);
}
