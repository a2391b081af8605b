import { statusOf } from "../../../api/status.ts";
import type { ImageProgress } from "../../../runtime/image.ts";
import type { RequestContext } from "../context.ts";
import { startStream } from "../respond.ts";

/** How many bytes of progress may wait for a slow reader; further steps are left out. */
const PROGRESS_MAX_BYTES = 64 * 1024;

/** Answers with JSON lines: the progress of `task`, then what it resolves with, or a `Status`. */
export async function streamProgress(
  context: RequestContext,
  task: (onProgress: (progress: ImageProgress) => void) => Promise<unknown>,
): Promise<void> {
  const response = startStream(context, "application/json");
  const send = (line: unknown): void => void response.write(`${JSON.stringify(line)}\n`);
  try {
    send(
      await task((progress) => {
        if (response.writableLength < PROGRESS_MAX_BYTES) send(progress);
      }),
    );
  } catch (error) {
    send(statusOf(error));
  }
  response.end();
}
