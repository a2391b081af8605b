/** An attach: a client joined to the streams of a container's own process. */
import { messageOf } from "../../base/errors.ts";
import { joinStreams } from "./process-session.ts";
import type { SessionChannels, StreamRuntime } from "./session-channels.ts";

/** Joins until the container has ended or the client leaves; the container runs on in the second case. Never rejects. */
export async function serveAttach(
  runtime: StreamRuntime,
  containerId: string,
  channels: SessionChannels,
): Promise<void> {
  try {
    const session = await runtime.attach(containerId);
    if ((await joinStreams(session, channels)) === undefined) return;
    await channels.finish({ type: "success" });
  } catch (error) {
    await channels.finish({ type: "error", message: messageOf(error) });
  }
}
