import type { RequestContext } from "../context.ts";
import { remoteOptions, requireQuery } from "./query.ts";
import { streamProgress } from "./stream-progress.ts";

/** Pulls; answers with JSON lines of progress, the last one `{"image": …}` or a `Status`. Ends when the client leaves. */
export async function pullImage(context: RequestContext): Promise<void> {
  const { node, query, signal } = context;
  const reference = requireQuery(context, "reference");
  const platform = query.get("platform");
  const options = { ...remoteOptions(context), signal, ...(platform === null ? {} : { platform }) };
  await streamProgress(context, async (onProgress) => ({
    image: await node.images.pull(reference, { ...options, onProgress }),
  }));
}
