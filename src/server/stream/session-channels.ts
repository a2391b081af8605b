/**
 * What a stream session sees of its client, whatever carries the bytes (WebSocket or SPDY): plain Node streams for
 * the standard streams, a stream of terminal sizes, and one result at the end.
 */
import type { Readable, Writable } from "node:stream";

import type { Runtime } from "../../runtime/runtime.ts";

/** The part of the runtime that sessions need. */
export type StreamRuntime = Pick<Runtime, "exec" | "attach" | "portForward">;

/** Which streams the client asked for. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Terminal size in characters. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** How a session ended, before it is put into a framing's words. */
export type SessionResult =
  | { readonly type: "success" }
  | { readonly type: "exit"; readonly code: number }
  | { readonly type: "error"; readonly message: string };

/** A client's side of an exec or attach. A stream that the client did not ask for is absent. */
export interface SessionChannels {
  /** From the client; ends when the client closes its standard input. */
  readonly stdin?: Readable;
  /** To the client. A write's callback runs when the transport took the bytes, which is the back-pressure. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Calls `listener` for every size that the client sends, the last one before the call included. */
  onResize(listener: (size: TerminalSize) => void): void;
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
  /** Tells the client the result and ends the connection. Must be called once. */
  finish(result: SessionResult): Promise<void>;
}

/** The `Status` that v4 and v5 of the remote command protocol put on the error channel. Kubernetes: client-go remotecommand. */
export function remoteCommandStatus(result: SessionResult): Readonly<Record<string, unknown>> {
  switch (result.type) {
    case "success":
      return { metadata: {}, status: "Success" };
    case "exit":
      return {
        metadata: {},
        status: "Failure",
        message: `command terminated with non-zero exit code: exit status ${result.code}`,
        reason: "NonZeroExitCode",
        details: { causes: [{ reason: "ExitCode", message: String(result.code) }] },
      };
    default:
      return { metadata: {}, status: "Failure", message: result.message, reason: "InternalError", code: 500 };
  }
}

/** What the error channel carries in `version` of the protocol. Before 4 that was plain text, and nothing on success. */
export function errorChannelText(version: number, result: SessionResult): string {
  if (version >= 4) return JSON.stringify(remoteCommandStatus(result));
  if (result.type === "success") return "";
  return result.type === "exit"
    ? `command terminated with non-zero exit code: exit status ${result.code}`
    : result.message;
}
