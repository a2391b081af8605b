import { badRequest } from "../../../api/status.ts";
import { negotiatePortForward } from "../../stream/negotiate.ts";
import { servePortForward } from "../../stream/port-forward.ts";
import { PORTS_MAX } from "../../stream/websocket-port-forward.ts";
import type { ResourceContext } from "../context.ts";
import { noteStarted } from "../request-record.ts";
import { requireUpgrade } from "../upgrade.ts";
import { requirePod } from "./stream-request.ts";

/** PORTFORWARD over SPDY, by itself or inside a WebSocket, or over plain WebSocket channels (`?ports=80&ports=443`, or `80,443`). */
export async function forwardPorts(context: ResourceContext): Promise<void> {
  const { node, signal } = context;
  const pod = requirePod(context);
  const upgrade = requireUpgrade(context);
  const framing = negotiatePortForward(upgrade);
  const ports = framing.type === "websocket" ? portsOf(context.query) : [];
  const sandboxId = await node.engine.sandbox(pod);
  noteStarted(context.record, 101);
  await servePortForward(node.streams, { sandboxId, ports }, upgrade, framing, { clock: node.clock, stopping: signal });
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
