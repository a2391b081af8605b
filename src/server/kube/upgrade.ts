/** Leaving HTTP for WebSocket: the handshake, and refusals in the form of a `Status`. */
import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";

import { badRequest } from "../../api/status.ts";
import { MinkeError } from "../../base/errors.ts";
import { MESSAGE_MAX_BYTES } from "../stream/websocket-link.ts";
import { chooseProtocol } from "../stream/websocket-protocol.ts";
import type { ChannelProtocol } from "../stream/websocket-protocol.ts";
import type { RequestContext } from "./context.ts";

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

/** The protocol to speak, before anything is promised to the client. Throws when there is none in common. */
export function negotiate(context: RequestContext, served: readonly string[]): ChannelProtocol {
  const { headers } = context.request;
  if (!context.upgrade) throw badRequest("Upgrade request required");
  if (headers.upgrade?.toLowerCase() !== "websocket") {
    throw new MinkeError(
      "Unimplemented",
      `Cannot upgrade to ${headers.upgrade ?? "nothing"}: this server speaks WebSocket (${served.slice(0, 2).join(", ")}); use kubectl 1.30 or newer`,
    );
  }
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const protocol = chooseProtocol(
    offered.filter((name) => name !== ""),
    served,
  );
  if (protocol) return protocol;
  throw new MinkeError(
    "PermissionDenied",
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${served.join(" ")}]`,
  );
}

/** Answers 101 and hands over the WebSocket. */
export async function acceptWebSocket(context: RequestContext, protocol: ChannelProtocol): Promise<WebSocket> {
  const { upgrade, request, response } = context;
  if (!upgrade) throw badRequest("Upgrade request required");
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_MAX_BYTES,
    handleProtocols: () => protocol.name || false,
  });
  response.detachSocket(upgrade.socket as Socket);
  return new Promise((resolve, reject) => {
    upgrade.socket.once("close", () => reject(badRequest("the client left during the handshake")));
    server.handleUpgrade(request, upgrade.socket, upgrade.head, resolve);
  });
}
