import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { FakeClock } from "../../base/clock.ts";
import { WebSocketLink } from "./websocket-link.ts";
import { chooseProtocol } from "./websocket-protocol.ts";

test("a client that is held back, and whose pings are not seen, is told that we are there", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket] = (await once(server, "connection")) as [WebSocket];
  const clock = new FakeClock();
  const link = new WebSocketLink(socket, chooseProtocol(["v5.channel.k8s.io"])!, clock);
  const input = link.input(0);
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  client.send(Buffer.alloc(1024 * 1024));
  while (!socket.isPaused) await new Promise((resolve) => setImmediate(resolve));
  const pong = once(client, "pong");
  clock.advance(60_000);
  await pong;
  clock.advance(3_600_000);
  expect(client.readyState).toBe(WebSocket.OPEN);
  input.resume();
  while (socket.isPaused) await new Promise((resolve) => setImmediate(resolve));
  client.terminate();
  server.close();
  await once(server, "close");
});
