import type { RequestContext } from "../context.ts";
import { remoteOptions, requireQuery } from "./query.ts";
import { streamProgress } from "./stream-progress.ts";

/** Pushes; answers with JSON lines of progress, the last one `{"pushed": …}` or a `Status`. Ends when the client leaves. */
export async function pushImage(context: RequestContext): Promise<void> {
  const { node, query, signal } = context;
  const reference = requireQuery(context, "reference");
  const target = query.get("target");
  const options = { ...remoteOptions(context), signal, ...(target === null ? {} : { target }) };
  await streamProgress(context, async (onProgress) => ({
    pushed: await node.images.push(reference, { ...options, onProgress }),
  }));
}
