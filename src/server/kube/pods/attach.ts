import { serveAttach } from "../../stream/attach-session.ts";
import { acceptCommand } from "../../stream/command-channels.ts";
import { negotiateCommand } from "../../stream/negotiate.ts";
import type { ResourceContext } from "../context.ts";
import { noteStarted } from "../request-record.ts";
import { requireUpgrade } from "../upgrade.ts";
import { runningContainer, streamOptionsOf } from "./stream-request.ts";

/** ATTACH: joins the container's own process. Whether there is a terminal is the container's matter, not the client's. */
export async function attachToPod(context: ResourceContext): Promise<void> {
  const { node, signal } = context;
  const options = streamOptionsOf(context);
  const { containerId } = await runningContainer(context, "attach to");
  const upgrade = requireUpgrade(context);
  const channels = await acceptCommand(upgrade, negotiateCommand(upgrade), options, node.clock);
  noteStarted(context.record, 101);
  await serveAttach(node.streams, containerId, channels, signal);
}
