/**
 * One forwarded connection: a WebSocket with `?ports=N`, channel 0 data, channel 1 error, the first message on each being
 * the port (uint16, little-endian). Kubernetes: cri-streaming portforward/websocket.go.
 */
import { MinkeError } from "../base/errors.ts";
import { framed } from "./channels.ts";
import type { TransportSocket } from "./transport.ts";

const DATA = 0;
const ERROR = 1;
const CLOSE = 255;

export const FORWARD_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

export interface ForwardedConnection extends Disposable {
  write(data: Uint8Array): Promise<void>;
  /** Says that no more data will come. False when the server's protocol has no words for that. */
  end(): Promise<boolean>;
  /** What the port sends, until it closes. Throws when the port could not be reached. */
  readonly data: AsyncIterable<Uint8Array>;
}

/** Wraps an open WebSocket. */
export function forwardOver(socket: TransportSocket): ForwardedConnection {
  return {
    write: (data) => socket.send(framed(DATA, data)),
    async end() {
      if (!socket.protocol.startsWith("v5")) return false;
      await socket.send(Uint8Array.of(CLOSE, DATA));
      return true;
    },
    data: read(socket),
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

async function* read(socket: TransportSocket): AsyncGenerator<Uint8Array> {
  /** How many port bytes each channel still has to send before its content begins. */
  const header = [2, 2];
  for await (const message of socket.messages) {
    const channel = message[0]!;
    if (channel !== DATA && channel !== ERROR) continue;
    const skip = Math.min(header[channel]!, message.byteLength - 1);
    header[channel]! -= skip;
    const data = message.subarray(1 + skip);
    if (data.byteLength === 0) continue;
    if (channel === ERROR) throw new MinkeError("Unavailable", new TextDecoder().decode(data).trim());
    yield data;
  }
}
