/** Switches an agreed request over to the channels of exec or attach. */
import type { Clock } from "../../base/clock.ts";
import type { CommandFraming } from "./negotiate.ts";
import type { SessionChannels, StreamOptions } from "./session-channels.ts";
import { spdyChannels } from "./spdy-channels.ts";
import { acceptSpdy, acceptWebSocket } from "./upgrade.ts";
import type { Upgrade } from "./upgrade.ts";
import { webSocketChannels } from "./websocket-channels.ts";

/** With `options` as the client asked, since it opens its streams by them. Rejects when it leaves before it has done so. */
export async function acceptCommand(
  upgrade: Upgrade,
  { type, protocol }: CommandFraming,
  options: StreamOptions,
  clock: Clock,
): Promise<SessionChannels> {
  if (type === "spdy") return spdyChannels(acceptSpdy(upgrade, protocol.name), protocol, options, clock);
  return webSocketChannels(await acceptWebSocket(upgrade, protocol.name), protocol, options, clock);
}
