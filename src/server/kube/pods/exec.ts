import { badRequest } from "../../../api/status.ts";
import { serveExec } from "../../stream/exec-session.ts";
import { webSocketChannels } from "../../stream/websocket-channels.ts";
import { REMOTE_COMMAND_PROTOCOLS } from "../../stream/websocket-protocol.ts";
import type { ResourceContext } from "../context.ts";
import { acceptWebSocket, negotiate } from "../upgrade.ts";
import { runningContainer, streamOptionsOf } from "./stream-request.ts";

/** EXEC: `?command=a&command=b&stdin&stdout&stderr&tty` over a WebSocket. */
export async function execInPod(context: ResourceContext): Promise<void> {
  const { node, query } = context;
  const [program, ...args] = query.getAll("command");
  if (program === undefined) throw badRequest("you must specify at least 1 command");
  const options = streamOptionsOf(context);
  const { containerId } = await runningContainer(context, "exec into");
  const protocol = negotiate(context, REMOTE_COMMAND_PROTOCOLS);
  const socket = await acceptWebSocket(context, protocol);
  const channels = webSocketChannels(socket, protocol, options, node.clock);
  await serveExec(node.streams, { ...options, containerId, command: [program, ...args] }, channels);
}
