import { PODS, resourceNameOf } from "../../../api/resources.ts";
import { notFound } from "../../../api/status.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

/** Which step of the Pod's start took how long; empty unless the node was started with tracing. */
export function podTrace(context: RequestContext, namespace: string, name: string): void {
  const { store, trace } = context.node;
  const pod = store.get({ resource: resourceNameOf(PODS), namespace, name });
  if (!pod) throw notFound(PODS, name);
  sendJson(context, 200, { spans: trace.spans(pod.metadata.uid ?? "") });
}
