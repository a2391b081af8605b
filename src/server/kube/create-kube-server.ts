/** The Kubernetes API over HTTP on a unix socket. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { resourceOf } from "../../api/resources.ts";
import { messageOf } from "../../base/errors.ts";
import type { KubeServerOptions, RequestContext } from "./context.ts";
import { pathNotFound, verbNotAllowed } from "./errors.ts";
import { listenOnSocket } from "./listen.ts";
import { startControllers } from "./controllers/controllers.ts";
import { pathHandlerOf } from "./path-routes.ts";
import { requestInfoOf } from "./request-info.ts";
import { sendError } from "./respond.ts";
import { resourceHandlerOf } from "./routes.ts";
import { upgradeResponse } from "./upgrade.ts";

export interface KubeServer {
  /** Serves on this path, 0600, in place of a socket that nobody answers on. */
  listen(socketPath: string): Promise<void>;
  /** Ends watches and streams, lets short requests finish, and removes the socket. */
  close(): Promise<void>;
}

/** How long requests may take to finish when the server closes, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

export function createKubeServer(node: KubeServerOptions): KubeServer {
  const stopping = new AbortController();
  const undo = new AsyncDisposableStack();
  const upgraded = new Set<Duplex>();
  // Uploads and watches take as long as they take; a slow head does not.
  const server = createServer({ requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 60_000 });
  server.on("request", (request, response) => void serve(node, stopping.signal, request, response));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.on("close", () => upgraded.delete(socket));
    socket.on("error", () => socket.destroy());
    void serve(node, stopping.signal, request, upgradeResponse(request, socket), { socket, head });
  });

  return {
    async listen(socketPath) {
      undo.use(startControllers(node));
      undo.use(await listenOnSocket(server, socketPath));
      undo.defer(() => closeServer());
    },
    close: () => undo.disposeAsync(),
  };

  async function closeServer(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    stopping.abort();
    server.closeIdleConnections();
    const force = (): void => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
    };
    using _ = node.clock.timer(CLOSE_GRACE_MS, force);
    await closed;
    for (const socket of upgraded) socket.destroy();
  }
}

async function serve(
  node: KubeServerOptions,
  stopping: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
  upgrade?: RequestContext["upgrade"],
): Promise<void> {
  const startMs = node.clock.monotonic();
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  (upgrade?.socket ?? response).on("close", leave);
  stopping.addEventListener("abort", leave, { once: true });
  const { method = "GET", url = "/" } = request;
  try {
    const parsed = new URL(url, "http://localhost");
    const context: RequestContext = {
      node,
      request,
      response,
      path: parsed.pathname,
      query: parsed.searchParams,
      signal: gone.signal,
      warnings: [],
      ...(upgrade ? { upgrade } : {}),
    };
    try {
      await dispatch(context, method, parsed);
    } catch (error) {
      if (!gone.signal.aborted) sendError(context, error);
      logFailure(node, method, url, error);
    }
  } catch (error) {
    node.log.error({ method, url, error: messageOf(error) }, "Answering a request failed");
    response.destroy();
  } finally {
    stopping.removeEventListener("abort", leave);
    const ms = Math.round((node.clock.monotonic() - startMs) * 10) / 10;
    node.log.debug({ method, url, code: response.statusCode, ms }, "Served a request");
  }
}

async function dispatch(context: RequestContext, method: string, url: URL): Promise<void> {
  const info = requestInfoOf(method, url);
  if (!info) throw verbNotAllowed();
  const onPath = pathHandlerOf(method, url.pathname);
  if (onPath) return onPath(context);
  if (info.type === "path") throw pathNotFound();
  const resource = resourceOf(info.resource, info.group);
  if (!resource || resource.version !== info.version) throw pathNotFound();
  const handler = resourceHandlerOf(resource, info);
  return handler({ ...context, info, resource });
}

/** A failure that the client did not cause is for the operator to see. */
function logFailure(node: KubeServerOptions, method: string, url: string, error: unknown): void {
  const expected = error instanceof Error && error.name === "MinkeError";
  if (expected) node.log.debug({ method, url, error: messageOf(error) }, "Refused a request");
  else node.log.error({ method, url, error: messageOf(error), stack: (error as Error).stack }, "A request failed");
}
