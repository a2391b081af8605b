/** An exec: a new process in a running container, joined to a client. */
import { messageOf } from "../../base/errors.ts";
import { joinStreams } from "./process-session.ts";
import type { SessionChannels, StreamOptions, StreamRuntime } from "./session-channels.ts";

export interface ExecSessionRequest extends StreamOptions {
  readonly containerId: string;
  readonly command: readonly [string, ...string[]];
}

/**
 * Runs the command to its end and tells the client the exit code. A client that leaves ends the process, and so does `stopping`,
 * of which the client is told: it must not take that for success. Never rejects.
 */
export async function serveExec(
  runtime: StreamRuntime,
  request: ExecSessionRequest,
  channels: SessionChannels,
  stopping: AbortSignal,
): Promise<void> {
  try {
    const { command, tty, stdin } = request;
    const session = await runtime.exec(request.containerId, { command, tty, stdin, signal: channels.gone });
    const code = await joinStreams(session, channels, stopping);
    if (code === undefined) return;
    await channels.finish(code === 0 ? { type: "success" } : { type: "exit", code });
  } catch (error) {
    await channels.finish({ type: "error", message: messageOf(error) });
  }
}
