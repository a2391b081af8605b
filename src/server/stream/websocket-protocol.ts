/**
 * The channel protocols of Kubernetes' WebSocket streams. A binary message begins with one byte, the channel; the base64
 * variants carry text messages that begin with the channel's digit. Kubernetes: k8s.io/streaming wsstream, client-go
 * tools/remotecommand/websocket.go.
 */

export interface ChannelProtocol {
  readonly name: string;
  /** 1 … 5. From 4 on the error channel carries a `Status` as JSON, before that plain text. 5 knows the close signal. */
  readonly version: number;
  readonly base64: boolean;
}

const PROTOCOLS: readonly ChannelProtocol[] = [
  { name: "v5.channel.k8s.io", version: 5, base64: false },
  { name: "v4.channel.k8s.io", version: 4, base64: false },
  { name: "v3.channel.k8s.io", version: 3, base64: false },
  { name: "v2.channel.k8s.io", version: 2, base64: false },
  { name: "channel.k8s.io", version: 1, base64: false },
  { name: "v4.base64.channel.k8s.io", version: 4, base64: true },
  { name: "base64.channel.k8s.io", version: 1, base64: true },
];
const NAMELESS: ChannelProtocol = { name: "", version: 1, base64: false };

/** The protocols of remote commands. */
export const REMOTE_COMMAND_PROTOCOLS = PROTOCOLS.map((protocol) => protocol.name);
/** The protocols of port forwarding over plain channels; version 5, with its close signal, is of our own making there. */
export const PORT_FORWARD_PROTOCOLS = REMOTE_COMMAND_PROTOCOLS.filter((name) => !/^v[23]\./.test(name));

/** The same without those that put bytes into text, for SPDY. */
export const SPDY_COMMAND_PROTOCOLS = PROTOCOLS.filter(({ base64 }) => !base64).map(({ name }) => name);

/**
 * The first of the client's protocols that is served; a client that names none gets version 1, and undefined means that
 * there is none in common.
 */
export function chooseProtocol(
  offered: readonly string[],
  served: readonly string[] = REMOTE_COMMAND_PROTOCOLS,
): ChannelProtocol | undefined {
  if (offered.length === 0) return NAMELESS;
  const name = offered.find((candidate) => served.includes(candidate));
  return PROTOCOLS.find((protocol) => protocol.name === name);
}

/** Channel numbers of a remote command. */
export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** One message of `protocol` that carries `payload` on `channel`. */
export function encodeMessage(protocol: ChannelProtocol, channel: number, payload: Uint8Array): Buffer | string {
  if (protocol.base64) return `${channel}${Buffer.from(payload).toString("base64")}`;
  const message = Buffer.allocUnsafe(payload.length + 1);
  message[0] = channel;
  message.set(payload, 1);
  return message;
}

/** The channel and payload of a received message; undefined for an empty one. */
export function decodeMessage(
  protocol: ChannelProtocol,
  message: Buffer,
): { readonly channel: number; readonly payload: Buffer } | undefined {
  const first = message[0];
  if (first === undefined) return undefined;
  if (!protocol.base64) return { channel: first, payload: message.subarray(1) };
  return { channel: first - 0x30, payload: Buffer.from(message.subarray(1).toString("latin1"), "base64") };
}
