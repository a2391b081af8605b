import { badRequest } from "../../../api/status.ts";
import { PORTS_MAX, serveWebSocketPortForward } from "../../stream/websocket-port-forward.ts";
import { PORT_FORWARD_PROTOCOLS } from "../../stream/websocket-protocol.ts";
import type { ResourceContext } from "../context.ts";
import { acceptWebSocket, negotiate } from "../upgrade.ts";
import { requirePod } from "./stream-request.ts";

/** PORTFORWARD: `?ports=80&ports=443` (or `80,443`) over plain WebSocket channels. */
export async function forwardPorts(context: ResourceContext): Promise<void> {
  const { node } = context;
  const pod = requirePod(context);
  const protocol = negotiate(context, PORT_FORWARD_PROTOCOLS);
  const ports = portsOf(context.query);
  const sandboxId = await node.engine.sandbox(pod);
  const socket = await acceptWebSocket(context, protocol);
  await serveWebSocketPortForward(node.streams, { sandboxId, ports }, socket, protocol, node.clock);
}

function portsOf(query: URLSearchParams): readonly number[] {
  const texts = query.getAll("ports").flatMap((text) => text.split(","));
  if (texts.length === 0) throw badRequest(`query parameter "ports" is required`);
  if (texts.length > PORTS_MAX)
    throw badRequest(`query parameter "ports" names ${texts.length} ports; at most ${PORTS_MAX}`);
  return texts.map((text) => {
    const port = Number(text);
    if (/^\d+$/.test(text) && port > 0 && port <= 0xffff) return port;
    throw badRequest(`query parameter "ports" cannot be parsed: "${text}" is not a port`);
  });
}
