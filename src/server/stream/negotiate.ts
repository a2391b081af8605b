/** Which framing and protocol a client that asks to leave HTTP and we agree on. Kubernetes: httpstream.Handshake, wsstream. */
import { MinkeError } from "../../base/errors.ts";
import { SPDY } from "./upgrade.ts";
import type { Upgrade } from "./upgrade.ts";
import {
  chooseProtocol,
  PORT_FORWARD_PROTOCOLS,
  REMOTE_COMMAND_PROTOCOLS,
  SPDY_COMMAND_PROTOCOLS,
} from "./websocket-protocol.ts";
import type { ChannelProtocol } from "./websocket-protocol.ts";

/** What exec and attach run over. */
export interface CommandFraming {
  readonly type: "websocket" | "spdy";
  readonly protocol: ChannelProtocol;
}

/** What port forwarding runs over. A tunnel is the byte stream of SPDY inside a WebSocket, which is kubectl's way since 1.31. */
export type PortForwardFraming =
  | { readonly type: "websocket"; readonly protocol: ChannelProtocol }
  | { readonly type: "spdy" | "tunnel" };

export const SPDY_PORT_FORWARD_PROTOCOL = "portforward.k8s.io";
/** Kubernetes: apimachinery portforward.WebsocketsSPDYTunnelingPortForwardV1. */
export const TUNNEL_PROTOCOL = `${SPDY}+${SPDY_PORT_FORWARD_PROTOCOL}`;

/** Throws when there is no framing or protocol in common. */
export function negotiateCommand(upgrade: Upgrade): CommandFraming {
  const type = framingOf(upgrade);
  const served = type === "spdy" ? SPDY_COMMAND_PROTOCOLS : REMOTE_COMMAND_PROTOCOLS;
  const offered = offeredProtocols(upgrade, type);
  const protocol = chooseProtocol(offered, served);
  if (!protocol) throw nothingInCommon(upgrade, offered, served);
  return { type, protocol };
}

/** Throws when there is no framing or protocol in common. */
export function negotiatePortForward(upgrade: Upgrade): PortForwardFraming {
  const type = framingOf(upgrade);
  const offered = offeredProtocols(upgrade, type);
  if (type === "spdy") {
    if (offered.includes(SPDY_PORT_FORWARD_PROTOCOL)) return { type };
    throw nothingInCommon(upgrade, offered, [SPDY_PORT_FORWARD_PROTOCOL]);
  }
  if (offered.includes(TUNNEL_PROTOCOL)) return { type: "tunnel" };
  const protocol = chooseProtocol(offered, PORT_FORWARD_PROTOCOLS);
  if (!protocol) throw nothingInCommon(upgrade, offered, [TUNNEL_PROTOCOL, ...PORT_FORWARD_PROTOCOLS]);
  return { type, protocol };
}

function framingOf({ request }: Upgrade): "websocket" | "spdy" {
  const asked = request.headers.upgrade ?? "";
  const framing = asked.toLowerCase();
  if (framing === "websocket") return "websocket";
  if (framing === SPDY.toLowerCase()) return "spdy";
  throw new MinkeError("InvalidArgument", `unable to upgrade to "${asked}": this server speaks WebSocket and ${SPDY}`);
}

/** In the client's order. A WebSocket client may name none, a SPDY client must. */
function offeredProtocols({ request }: Upgrade, framing: "websocket" | "spdy"): string[] {
  const header = framing === "spdy" ? "x-stream-protocol-version" : "sec-websocket-protocol";
  const offered = String(request.headers[header] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (framing === "websocket" || offered.length > 0) return offered;
  throw new MinkeError(
    "InvalidArgument",
    "unable to upgrade: header X-Stream-Protocol-Version does not exist in request, or names no protocol",
  );
}

function nothingInCommon(upgrade: Upgrade, offered: readonly string[], served: readonly string[]): MinkeError {
  upgrade.response.setHeader("X-Accepted-Stream-Protocol-Versions", served);
  return new MinkeError(
    "PermissionDenied",
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${served.join(" ")}]`,
  );
}
