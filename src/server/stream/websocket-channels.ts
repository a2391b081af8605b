/** Remote command channels (exec, attach) over a WebSocket: `v5.channel.k8s.io` and its elders. */
import type { WebSocket } from "ws";

import type { Clock } from "../../base/clock.ts";
import { errorChannelText } from "./session-channels.ts";
import type { SessionChannels, StreamOptions } from "./session-channels.ts";
import { TerminalSizes } from "./terminal-size.ts";
import { WebSocketLink } from "./websocket-link.ts";
import { CHANNEL } from "./websocket-protocol.ts";
import type { ChannelProtocol } from "./websocket-protocol.ts";

/** Puts a session on an accepted WebSocket; the empty first message tells the client that it is established. */
export function webSocketChannels(
  socket: WebSocket,
  protocol: ChannelProtocol,
  options: StreamOptions,
  clock: Clock,
): SessionChannels {
  const link = new WebSocketLink(socket, protocol, clock);
  const stdin = options.stdin ? link.input(CHANNEL.stdin) : undefined;
  if (stdin && protocol.version >= 5) {
    link.receive(CHANNEL.close, (payload) => {
      if (payload[0] === CHANNEL.stdin) link.endInput(CHANNEL.stdin, stdin);
    });
  }
  const stdout = options.stdout ? link.output(CHANNEL.stdout) : undefined;
  const stderr = options.stderr && !options.tty ? link.output(CHANNEL.stderr) : undefined;
  const established = stdout ? CHANNEL.stdout : stderr ? CHANNEL.stderr : CHANNEL.error;
  void link.send(established, Buffer.alloc(0));
  const sizes = new TerminalSizes();
  link.receive(CHANNEL.resize, (payload) => sizes.read(payload));

  return {
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    gone: link.gone,
    onResize: (listener) => sizes.listen(listener),
    async finish(result) {
      if (link.gone.aborted) return;
      const text = errorChannelText(protocol.version, result);
      if (text !== "") await link.send(CHANNEL.error, Buffer.from(text));
      await link.close();
    },
  };
}
