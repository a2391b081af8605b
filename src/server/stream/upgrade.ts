/**
 * Leaving HTTP: the switch of an agreed request to WebSocket or to SPDY. Nothing is promised to the client before it, so that a
 * request can still be refused in HTTP. Kubernetes: k8s.io/streaming httpstream/spdy/upgrade.go and wsstream/conn.go.
 */
import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";

import { MinkeError } from "../../base/errors.ts";
import { MESSAGE_MAX_BYTES } from "./websocket-link.ts";

/** The name of the framing in the Upgrade header. */
export const SPDY = "SPDY/3.1";
/** A peer that is quiet for so long is asked by the kernel whether it is still there, in milliseconds. */
const KEEP_ALIVE_MS = 30_000;

/** A request to leave HTTP. */
export interface Upgrade {
  readonly request: IncomingMessage;
  /** For a refusal: {@link upgradeResponse}. */
  readonly response: ServerResponse;
  readonly socket: Duplex;
  /** What the client sent behind its request. */
  readonly head: Buffer;
}

/** A response on the raw socket of an upgrade request, for the case that it is refused. */
export function upgradeResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.on("finish", () => {
    response.detachSocket(socket as Socket);
    socket.end();
  });
  return response;
}

/** Answers 101 and hands over the WebSocket. Rejects when the client leaves meanwhile. */
export async function acceptWebSocket(upgrade: Upgrade, protocol: string): Promise<WebSocket> {
  const { request, socket, head } = upgrade;
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_MAX_BYTES });
  // ws would refuse the tunnel's name for its slash. It need not look: the protocol is agreed.
  delete request.headers["sec-websocket-protocol"];
  server.on("headers", (lines) => {
    if (protocol !== "") lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  detach(upgrade);
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(new MinkeError("Cancelled", "the client left during the handshake")));
    server.handleUpgrade(request, socket, head, resolve);
  });
}

/**
 * Answers 101 and hands over the byte stream. The server must not speak first: Kubernetes' client loses what comes along with
 * the 101.
 */
export function acceptSpdy(upgrade: Upgrade, protocol: string): Duplex {
  const { socket, head } = upgrade;
  detach(upgrade);
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    `Upgrade: ${SPDY}`,
    `X-Stream-Protocol-Version: ${protocol}`,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function detach({ response, socket }: Upgrade): void {
  response.detachSocket(socket as Socket);
  if ("setKeepAlive" in socket) (socket as Socket).setKeepAlive(true, KEEP_ALIVE_MS);
}
