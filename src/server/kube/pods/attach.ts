import { serveAttach } from "../../stream/attach-session.ts";
import { webSocketChannels } from "../../stream/websocket-channels.ts";
import { REMOTE_COMMAND_PROTOCOLS } from "../../stream/websocket-protocol.ts";
import type { ResourceContext } from "../context.ts";
import { acceptWebSocket, negotiate } from "../upgrade.ts";
import { runningContainer, streamOptionsOf } from "./stream-request.ts";

/** ATTACH: joins the container's own process. Whether there is a terminal is the container's matter, not the client's. */
export async function attachToPod(context: ResourceContext): Promise<void> {
  const { node } = context;
  const options = streamOptionsOf(context);
  const container = await runningContainer(context, "attach to");
  const protocol = negotiate(context, REMOTE_COMMAND_PROTOCOLS);
  const socket = await acceptWebSocket(context, protocol);
  const streams = { ...options, stdin: options.stdin && container.stdin, tty: container.tty };
  await serveAttach(node.streams, container.containerId, webSocketChannels(socket, protocol, streams, node.clock));
}
