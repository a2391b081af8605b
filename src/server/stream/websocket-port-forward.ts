/**
 * Port forwarding over plain WebSocket channels (`?ports=80&ports=443`): port i has data on channel 2i and errors on
 * channel 2i + 1, and the first message on each is the port as a 16-bit little-endian number. From version 5 on the client
 * can say that it sends no more: channel 255 with the data channel's number. Kubernetes: cri-streaming portforward/websocket.go. kubectl's own form is SPDY inside a WebSocket and does not come here.
 */
import type { WebSocket } from "ws";

import type { Clock } from "../../base/clock.ts";
import { servePort } from "./port-forward-session.ts";
import type { StreamRuntime } from "./session-channels.ts";
import { WebSocketLink } from "./websocket-link.ts";
import { CHANNEL } from "./websocket-protocol.ts";
import type { ChannelProtocol } from "./websocket-protocol.ts";

/** Ports of one connection: channels are one byte. */
export const PORTS_MAX = 64;

export interface PortForwardRequest {
  readonly sandboxId: string;
  readonly ports: readonly number[];
}

/** Serves all ports of one connection and closes it when the last has ended. Never rejects. */
export async function serveWebSocketPortForward(
  runtime: StreamRuntime,
  request: PortForwardRequest,
  socket: WebSocket,
  protocol: ChannelProtocol,
  clock: Clock,
): Promise<void> {
  const link = new WebSocketLink(socket, protocol, clock);
  const inputs = new Map(request.ports.map((_port, index) => [2 * index, link.input(2 * index)]));
  if (protocol.version >= 5) {
    link.receive(CHANNEL.close, ([channel = CHANNEL.close]) => {
      const input = inputs.get(channel);
      if (input) link.endInput(channel, input);
    });
  }
  await Promise.all(
    request.ports.map(async (port, index) => {
      const [data, error] = [2 * index, 2 * index + 1];
      const number = Buffer.alloc(2);
      number.writeUInt16LE(port);
      await link.send(data, number);
      await link.send(error, number);
      await servePort(runtime, request.sandboxId, port, {
        input: inputs.get(data)!,
        output: link.output(data),
        gone: link.gone,
        fail: (message) => link.send(error, Buffer.from(message)),
      });
    }),
  );
  await link.close();
}
