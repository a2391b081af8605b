import { badRequest } from "../../../api/status.ts";
import { acceptCommand } from "../../stream/command-channels.ts";
import { serveExec } from "../../stream/exec-session.ts";
import { negotiateCommand } from "../../stream/negotiate.ts";
import type { ResourceContext } from "../context.ts";
import { noteStarted } from "../request-record.ts";
import { requireUpgrade } from "../upgrade.ts";
import { runningContainer, streamOptionsOf } from "./stream-request.ts";

/** EXEC: `?command=a&command=b&stdin&stdout&stderr&tty` over WebSocket or SPDY. */
export async function execInPod(context: ResourceContext): Promise<void> {
  const { node, query, signal } = context;
  const [program, ...args] = query.getAll("command");
  if (program === undefined) throw badRequest("you must specify at least 1 command");
  const options = streamOptionsOf(context);
  const { containerId } = await runningContainer(context, "exec into");
  const upgrade = requireUpgrade(context);
  const channels = await acceptCommand(upgrade, negotiateCommand(upgrade), options, node.clock);
  noteStarted(context.record, 101);
  await serveExec(node.streams, { ...options, containerId, command: [program, ...args] }, channels, signal);
}
