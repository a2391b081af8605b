import { statusOf } from "../../../api/status.ts";
import type { RequestContext } from "../context.ts";
import { startStream } from "../respond.ts";
import { requireQuery } from "./query.ts";

/** How many bytes of progress may wait for a slow reader; further steps are left out. */
const PROGRESS_MAX_BYTES = 64 * 1024;

/** Pulls; answers with JSON lines of progress, the last one `{"image": …}` or a `Status`. */
export async function pullImage(context: RequestContext): Promise<void> {
  const { node, signal } = context;
  const reference = requireQuery(context, "reference");
  const response = startStream(context, "application/json");
  const send = (line: unknown): void => void response.write(`${JSON.stringify(line)}\n`);
  try {
    const onProgress = (progress: unknown): void => {
      if (response.writableLength < PROGRESS_MAX_BYTES) send(progress);
    };
    send({ image: await node.images.pull(reference, { signal, onProgress }) });
  } catch (error) {
    send(statusOf(error));
  }
  response.end();
}
