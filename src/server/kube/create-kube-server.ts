/** The Kubernetes API over HTTP: on a unix socket for root, and over TLS for everyone else who can say who they are. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { RequestLimits } from "./auth/request-limits.ts";
import { RoleKeeper } from "./auth/role-keeper.ts";
import type { KubeServerOptions } from "./context.ts";
import { RequestMetrics } from "./metrics/request-metrics.ts";
import { listenOnSocket } from "./listen.ts";
import { startControllers } from "./controllers/controllers.ts";
import {
  HEADERS_MAX_BYTES,
  HTTP_TIMEOUTS,
  type RequestHandlers,
  SecureServer,
  type TlsIdentity,
} from "./secure-server.ts";
import { serveRequest } from "./serve-request.ts";
import { upgradeResponse } from "../stream/upgrade.ts";

export interface KubeServer {
  /** Serves on this path, 0600, in place of a socket that nobody answers on. Whoever opens it may do everything. */
  listen(socketPath: string): Promise<void>;
  /**
   * Serves HTTPS on this address too, to whoever shows a client certificate or a token; port 0 = any that is free. Returns
   * the port. Connections wait until {@link identify}; those of peers that are not admitted are closed before a byte is read.
   */
  bind(host: string, port: number, admits?: (peer: string) => boolean): Promise<number>;
  /** The certificate that HTTPS shows from now on. */
  identify(identity: TlsIdentity): void;
  /** Ends watches and streams, lets short requests finish, and removes the socket. */
  close(): Promise<void>;
}

/** How long requests may take to finish when the server closes, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

export function createKubeServer(node: KubeServerOptions): KubeServer {
  const stopping = new AbortController();
  const undo = new AsyncDisposableStack();
  const upgraded = new Set<Duplex>();
  const shared = { limits: new RequestLimits(node.clock), metrics: new RequestMetrics(), stopping: stopping.signal };
  const handlersOf = (local: boolean): RequestHandlers => ({
    onRequest: (request, response) => void serveRequest(node, { request, response, local, ...shared }),
    onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      upgraded.add(socket);
      socket.on("close", () => upgraded.delete(socket));
      socket.on("error", () => socket.destroy());
      const response: ServerResponse = upgradeResponse(request, socket);
      const upgrade = { socket, head };
      void serveRequest(node, { request, response, upgrade, local, ...shared });
    },
  });
  const { onRequest, onUpgrade } = handlersOf(true);
  const server = createServer({ ...HTTP_TIMEOUTS, maxHeaderSize: HEADERS_MAX_BYTES });
  server.on("request", onRequest).on("upgrade", onUpgrade);
  const secure = new SecureServer(handlersOf(false));
  undo.defer(() => closeServer());

  return {
    async listen(socketPath) {
      undo.use(startControllers(node));
      undo.use(new RoleKeeper(node));
      undo.use(await listenOnSocket(server, socketPath));
    },
    bind: (host, port, admits) => secure.bind(host, port, admits),
    identify: (identity) => secure.identify(identity),
    close: () => undo.disposeAsync(),
  };

  async function closeServer(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    stopping.abort();
    server.closeIdleConnections();
    const force = (): void => {
      server.closeAllConnections();
      secure.destroy();
      for (const socket of upgraded) socket.destroy();
    };
    using _ = node.clock.timer(CLOSE_GRACE_MS, force);
    await Promise.all([closed, secure.close()]);
    for (const socket of upgraded) socket.destroy();
  }
}
