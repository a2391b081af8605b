/**
 * Sessions over Kubernetes' channel WebSockets: the first byte of each message names its channel.
 * Kubernetes: k8s.io/streaming/pkg/httpstream/wsstream, client-go tools/remotecommand/websocket.go.
 */
import { MinkeError } from "../base/errors.ts";
import { errorOfStatus, statusIn } from "./status-error.ts";
import type { TransportSocket } from "./transport.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5 only: the next byte names the channel that the sender has finished with. */
const CLOSE = 255;

/** Largest piece of standard input per message; the servers' read buffers are 32 KiB. */
const PIECE_MAX_BYTES = 32 * 1024;

export const SESSION_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

export interface Output {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

/** A process' streams inside a container. Disposing it ends the session (exec kills its process, attach detaches). */
export interface Session extends Disposable {
  /** Sends standard input; await it, so that a fast writer can not outrun a slow process. */
  write(data: Uint8Array): Promise<void>;
  /** Ends standard input. */
  end(): Promise<void>;
  /** Tells the terminal's size in characters; no effect without a tty. */
  resize(width: number, height: number): Promise<void>;
  /** What the process writes, in order, until it ended. Read it once and to its end: the exit code comes behind it. */
  readonly output: AsyncIterable<Output>;
  /** The exit code, once `output` has been read to its end. Rejects when the command could not be run at all. */
  readonly exitCode: Promise<number>;
}

/** Wraps an open WebSocket of one of {@link SESSION_PROTOCOLS}. */
export function sessionOver(socket: TransportSocket): Session {
  const { promise: exitCode, resolve, reject } = Promise.withResolvers<number>();
  exitCode.catch(() => {}); // An unread exit code is not an unhandled rejection.
  return {
    async write(data) {
      for (let at = 0; at < data.byteLength; at += PIECE_MAX_BYTES) {
        await socket.send(framed(STDIN, data.subarray(at, at + PIECE_MAX_BYTES)));
      }
    },
    end: () => (socket.protocol.startsWith("v5") ? socket.send(Uint8Array.of(CLOSE, STDIN)) : Promise.resolve()),
    resize: (width, height) =>
      socket.send(framed(RESIZE, new TextEncoder().encode(JSON.stringify({ Width: width, Height: height })))),
    output: read(socket, resolve, reject),
    exitCode,
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

async function* read(
  socket: TransportSocket,
  resolve: (code: number) => void,
  reject: (error: unknown) => void,
): AsyncGenerator<Output> {
  let status: string | undefined;
  try {
    for await (const message of socket.messages) {
      const data = message.subarray(1);
      if (message[0] === ERROR && data.byteLength > 0) status = (status ?? "") + new TextDecoder().decode(data);
      else if (message[0] === STDOUT && data.byteLength > 0) yield { stream: "stdout", data };
      else if (message[0] === STDERR && data.byteLength > 0) yield { stream: "stderr", data };
    }
    if (status === undefined) reject(lost());
    else resolve(exitCodeOf(status));
  } catch (error) {
    reject(error);
  } finally {
    reject(lost());
  }
}

/** The exit code in the last message of the error channel. Throws when the Status says that the command did not run. */
export function exitCodeOf(text: string): number {
  const status = statusIn(text);
  if (!status) throw new MinkeError("Internal", text.trim());
  if (status.status === "Success") return 0;
  const cause = status.details?.causes?.find((one) => one.reason === "ExitCode");
  const code = Number(cause?.message);
  if (status.reason === "NonZeroExitCode" && Number.isInteger(code)) return code;
  throw errorOfStatus(status);
}

/** `data` behind its channel byte. */
export function framed(channel: number, data: Uint8Array): Uint8Array {
  const message = new Uint8Array(data.byteLength + 1);
  message[0] = channel;
  message.set(data, 1);
  return message;
}

function lost(): MinkeError {
  return new MinkeError(
    "Unavailable",
    "Cannot tell how the command ended: the node closed the session before it said so",
  );
}
