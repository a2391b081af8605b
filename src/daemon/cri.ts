/** The CRI's socket. It is there from the start; gRPC, which takes a moment to load, comes with the first client. */
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";

import { messageOf } from "../base/errors.ts";
import type { Instance } from "../host/instance.ts";
import type { CriOptions } from "../server/cri/context.ts";
import type { CriServer } from "../server/cri/create-cri-server.ts";
import { listenOnSocket } from "../server/kube/listen.ts";

/** Where the option `--cri-socket` wants it; undefined for nowhere. */
export function criSocketOf(option: string, instance: Pick<Instance, "state">): string | undefined {
  if (option === "off") return undefined;
  return option === "auto" ? join(instance.state, "cri.sock") : option;
}

/** Serves on this path, 0600, in place of a socket that nobody answers on. Dispose to end: calls get a moment to finish. */
export async function serveCri(path: string, options: CriOptions): Promise<AsyncDisposable> {
  const { log } = options;
  let loading: Promise<CriServer> | undefined;
  // Not paused: what a client sends before gRPC is there waits in the connection's buffer, and HTTP/2 begins with it.
  const server = createServer((connection) => void hand(connection));
  await using undo = new AsyncDisposableStack();
  undo.use(await listenOnSocket(server, path));
  undo.defer(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await (await loading)?.[Symbol.asyncDispose]();
    await closed;
  });
  log.info({ socket: path }, "The CRI is served");
  return undo.move();

  async function hand(connection: Socket): Promise<void> {
    connection.on("error", () => connection.destroy());
    try {
      loading ??= load(options);
      (await loading).accept(connection);
    } catch (error) {
      log.error({ error: messageOf(error) }, "The CRI can not be served");
      connection.destroy();
    }
  }
}

async function load(options: CriOptions): Promise<CriServer> {
  const { createCriServer } = await import("../server/cri/create-cri-server.ts");
  return await createCriServer(options);
}
