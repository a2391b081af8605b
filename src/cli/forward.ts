/** The listening side of port-forward: one WebSocket per local connection. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

import { messageOf, MinkeError } from "../base/errors.ts";
import type { ForwardedConnection } from "../sdk/port-forward.ts";
import type { PodClient } from "../sdk/pods.ts";
import type { CliContext } from "./context.ts";
import type { ListenAddress, PortPair } from "./forward-ports.ts";

export interface ForwardJob {
  readonly pod: string;
  readonly ports: readonly PortPair[];
  readonly addresses: readonly ListenAddress[];
}

/** Listens and forwards until the process ends. Rejects when a port can not be had. */
export async function forward(context: CliContext, pods: PodClient, job: ForwardJob): Promise<never> {
  for (const { local, remote } of job.ports) {
    let port = local;
    for (const { host, optional } of job.addresses) {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        context.note(`Handling connection for ${port}`);
        serve(context, pods, { pod: job.pod, remote, socket }).catch((error: unknown) => {
          context.note(`E an error occurred forwarding ${port} -> ${remote}: ${messageOf(error)}`);
        });
      });
      try {
        // The second address gets the port that the first one was given.
        port = await listen(server, host, port);
      } catch (error) {
        if (optional) continue;
        throw new MinkeError(
          "Unavailable",
          `unable to listen on port ${local}: ${messageOf(error)}; choose another local port`,
          {
            cause: error,
          },
        );
      }
      await context.print(`Forwarding from ${host.includes(":") ? `[${host}]` : host}:${port} -> ${remote}\n`);
    }
  }
  return await new Promise<never>(() => {});
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port }, resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

async function serve(
  context: CliContext,
  pods: PodClient,
  { pod, remote, socket }: { readonly pod: string; readonly remote: number; readonly socket: Socket },
): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    using connection = await pods.portForward(pod, remote);
    socket.once("close", () => connection[Symbol.dispose]());
    const up = upload(context, socket, connection);
    for await (const data of connection.data) {
      if (socket.destroyed) break;
      if (!socket.write(data)) await drained(socket);
    }
    socket.end();
    await up;
  } finally {
    if (!socket.writableEnded) socket.destroy();
  }
}

/** How long a half-closed connection may wait for its answer when the protocol can not carry the half-close. */
const LINGER_MS = 5000;

async function upload(context: CliContext, socket: Socket, connection: ForwardedConnection): Promise<void> {
  try {
    for await (const chunk of socket) await connection.write(chunk as Buffer);
    if (await connection.end()) return;
    const timer = context.clock.timer(LINGER_MS, () => socket.destroy());
    socket.once("close", () => timer[Symbol.dispose]());
  } catch {
    socket.destroy();
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", () => resolve());
    socket.once("close", () => resolve());
  });
}
