/** An attach: a client joined to the streams of a container's own process. */
import { messageOf } from "../../base/errors.ts";
import { joinStreams } from "./process-session.ts";
import type { SessionChannels, StreamRuntime } from "./session-channels.ts";

/** Joins until the container has ended, the client leaves or the server stops; the container runs on then. Never rejects. */
export async function serveAttach(
  runtime: StreamRuntime,
  containerId: string,
  channels: SessionChannels,
  stopping: AbortSignal,
): Promise<void> {
  try {
    const session = await runtime.attach(containerId);
    if ((await joinStreams(session, channels, stopping)) === undefined) return;
    await channels.finish({ type: "success" });
  } catch (error) {
    await channels.finish({ type: "error", message: messageOf(error) });
  }
}
