/** Remote command channels (exec, attach) over a WebSocket: `v5.channel.k8s.io` and its elders. */
import type { WebSocket } from "ws";

import type { Clock } from "../../base/clock.ts";
import { remoteCommandStatus } from "./session-channels.ts";
import type { SessionChannels, SessionResult, StreamOptions, TerminalSize } from "./session-channels.ts";
import { WebSocketLink } from "./websocket-link.ts";
import { CHANNEL } from "./websocket-protocol.ts";
import type { ChannelProtocol } from "./websocket-protocol.ts";

/** Longest resize message that is looked at, in bytes. */
const RESIZE_MAX_BYTES = 256;

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

  return {
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    gone: link.gone,
    onResize: resizeReader(link),
    async finish(result) {
      if (link.gone.aborted) return;
      const text = errorText(protocol, result);
      if (text !== "") await link.send(CHANNEL.error, Buffer.from(text));
      await link.close();
    },
  };
}

/** Remembers a size that comes before the process does. */
function resizeReader(link: WebSocketLink): SessionChannels["onResize"] {
  let last: TerminalSize | undefined;
  let listener: ((size: TerminalSize) => void) | undefined;
  link.receive(CHANNEL.resize, (payload) => {
    const size = parseResize(payload);
    if (!size) return;
    last = size;
    listener?.(size);
  });
  return (next) => {
    listener = next;
    if (last) next(last);
  };
}

/** The last size of a message such as `{"Width":80,"Height":24}`, newline or nothing between several; undefined if malformed. */
export function parseResize(payload: Uint8Array): TerminalSize | undefined {
  if (payload.length > RESIZE_MAX_BYTES) return undefined;
  const last = Buffer.from(payload)
    .toString("utf8")
    .match(/\{[^{}]*\}/g)
    ?.at(-1);
  if (last === undefined) return undefined;
  try {
    const { Width: width, Height: height } = JSON.parse(last) as { Width?: unknown; Height?: unknown };
    return isCells(width) && isCells(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

function isCells(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 0xffff;
}

/** Before version 4 the error channel carried plain text, and nothing on success. */
function errorText(protocol: ChannelProtocol, result: SessionResult): string {
  if (protocol.version >= 4) return JSON.stringify(remoteCommandStatus(result));
  if (result.type === "success") return "";
  return result.type === "exit"
    ? `command terminated with non-zero exit code: exit status ${result.code}`
    : result.message;
}
