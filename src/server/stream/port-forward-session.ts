/** One forwarded connection: a client's byte stream joined to a port inside a Pod. */
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { messageOf } from "../../base/errors.ts";
import { copyInput } from "./process-session.ts";
import type { StreamRuntime } from "./session-channels.ts";

export interface PortChannels {
  readonly input: Readable;
  readonly output: Writable;
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
  /** Text for the client's error stream; called at most once, before `output` is ended. */
  fail(message: string): Promise<void>;
}

/** Connects and copies both ways until both directions have ended. Never rejects; failures go to the error stream. */
export async function servePort(
  runtime: StreamRuntime,
  sandboxId: string,
  port: number,
  channels: PortChannels,
): Promise<void> {
  try {
    const session = await runtime.portForward(sandboxId, port);
    const close = (): void => session.close();
    channels.gone.addEventListener("abort", close, { once: true });
    session.stderr?.resume();
    // The Pod's end decides: when it has said everything the connection is over, whatever the client still sends.
    if (session.stdin) copyInput(channels.input, session.stdin);
    try {
      await pipeline(session.stdout, channels.output);
    } finally {
      channels.gone.removeEventListener("abort", close);
      channels.input.unpipe().resume();
      session.close();
    }
  } catch (error) {
    if (!channels.gone.aborted) {
      await channels.fail(`error forwarding port ${port} to pod: ${messageOf(error)}`);
    }
    channels.output.destroy();
  }
}
