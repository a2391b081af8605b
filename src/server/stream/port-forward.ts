/** Switches an agreed request over to port forwarding, and serves it. */
import { createWebSocketStream } from "ws";

import type { Clock } from "../../base/clock.ts";
import type { PortForwardFraming } from "./negotiate.ts";
import { SPDY_PORT_FORWARD_PROTOCOL, TUNNEL_PROTOCOL } from "./negotiate.ts";
import type { StreamRuntime } from "./session-channels.ts";
import { serveSpdyPortForward } from "./spdy-port-forward.ts";
import { acceptSpdy, acceptWebSocket } from "./upgrade.ts";
import type { Upgrade } from "./upgrade.ts";
import { serveWebSocketPortForward } from "./websocket-port-forward.ts";
import type { PortForwardRequest } from "./websocket-port-forward.ts";

/** The request's ports are those of plain channels; over SPDY the client names a port with each connection. Ends with `stopping`. */
export async function servePortForward(
  runtime: StreamRuntime,
  request: PortForwardRequest,
  upgrade: Upgrade,
  framing: PortForwardFraming,
  { clock, stopping }: { readonly clock: Clock; readonly stopping: AbortSignal },
): Promise<void> {
  stopping.addEventListener("abort", () => upgrade.socket.destroy(), { once: true });

  if (framing.type === "websocket") {
    const socket = await acceptWebSocket(upgrade, framing.protocol.name);
    return serveWebSocketPortForward(runtime, request, socket, framing.protocol, clock);
  }
  const transport =
    framing.type === "spdy"
      ? acceptSpdy(upgrade, SPDY_PORT_FORWARD_PROTOCOL)
      : createWebSocketStream(await acceptWebSocket(upgrade, TUNNEL_PROTOCOL));
  return serveSpdyPortForward(runtime, request.sandboxId, transport, clock);
}
