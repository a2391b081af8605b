/** LOG: a container's output as text. Kubernetes: core/v1 PodLogOptions, pkg/kubelet/kuberuntime/logs. */
import { type FieldError, forbidden, invalid, oneOf } from "../../../api/field-error.ts";
import type { Pod } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf } from "../../../api/resources.ts";
import { invalidObject } from "../../../api/status.ts";
import { isMinkeError } from "../../../base/errors.ts";
import type { ContainerRef } from "../../../engine/engine.ts";
import { nanoseconds } from "../../stream/log-line.ts";
import type { RenderOptions } from "../../stream/log-render.ts";
import { readLogs } from "../../stream/logs.ts";
import type { ResourceContext } from "../context.ts";
import { storedObject } from "../objects/get.ts";
import { isTrue } from "../request-info.ts";
import { drained, startStream } from "../respond.ts";
import { containerNameOf } from "./container-of.ts";

export async function readPodLog(context: ResourceContext): Promise<void> {
  const { node, query, signal } = context;
  const pod = storedObject(context) as Pod;
  const options = logOptionsOf(context);
  const name = containerNameOf(pod, query.get("container") ?? "");
  const previous = isTrue(query.get("previous"));
  const container = await node.engine.container(pod, name, { previous });
  const follow = isTrue(query.get("follow")) && container.running;
  const finished = new AbortController();
  using _ = follow ? whenFinished(context, pod, name, container, finished) : undefined;
  const response = startStream(context, "text/plain");
  if (container.logPath !== "") {
    const request = { ...options, path: container.logPath, follow, finished: finished.signal, signal };
    for await (const block of readLogs(request)) {
      if (signal.aborted) return;
      if (!response.write(block)) await drained(context);
    }
  }
  response.end();
}

/** Aborts `finished` when the container has ended or another has taken its place; changes of the Pod make it look. */
function whenFinished(
  { node }: ResourceContext,
  pod: Pod,
  name: string,
  container: ContainerRef,
  finished: AbortController,
): Disposable {
  const look = async (current: Pod): Promise<void> => {
    try {
      const now = await node.engine.container(current, name);
      if (now.containerId !== container.containerId || !now.running) finished.abort();
    } catch (error) {
      if (!isMinkeError(error))
        node.log.warn({ pod: pod.metadata.name, error: String(error) }, "Looking at a container failed");
      finished.abort();
    }
  };
  const subscription = node.store.watch(resourceNameOf(PODS), (event) => {
    if (event.object.metadata.uid !== pod.metadata.uid) return;
    if (event.type === "DELETED") finished.abort();
    else void look(event.object as Pod);
  });
  // It may have ended between the first look and the watch.
  void look(pod);
  return subscription;
}

const STREAMS: Readonly<Record<string, RenderOptions["stream"]>> = {
  All: undefined,
  Stderr: "stderr",
  Stdout: "stdout",
};

/**
 * Kubernetes: pkg/apis/core/validation (ValidatePodLogOptions), but one stream and `tailLines` go together here. There is no
 * TLS to a kubelet, so `insecureSkipTLSVerifyBackend` has nothing to skip.
 */
function logOptionsOf({ node, query, info }: ResourceContext): RenderOptions & { readonly tailLines?: number } {
  const faults: FieldError[] = [];
  const number = (name: string, least: number): number | undefined => {
    const text = query.get(name) ?? "";
    if (text === "") return undefined;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    const rule = least === 0 ? "must be greater than or equal to 0" : "must be greater than 0";
    faults.push(invalid(name, Number.isNaN(value) ? text : value, rule));
    return undefined;
  };
  const tailLines = number("tailLines", 0);
  const limitBytes = number("limitBytes", 1);
  const sinceSeconds = number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime") ?? "";
  const time = sinceTime === "" ? undefined : nanoseconds(sinceTime);
  if (sinceTime !== "" && time === undefined) faults.push(invalid("sinceTime", sinceTime, "must be an RFC 3339 time"));
  const streamName = query.get("stream") ?? "All";
  faults.push(...oneOf("stream", streamName, Object.keys(STREAMS)));
  if (sinceTime !== "" && sinceSeconds !== undefined) {
    faults.push(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  }
  if (faults.length > 0) throw invalidObject("PodLogOptions", info.name, faults);
  const sinceNs =
    sinceSeconds === undefined ? time : BigInt(Math.round(node.clock.now() - sinceSeconds * 1000)) * 1_000_000n;
  const stream = STREAMS[streamName];
  return {
    timestamps: isTrue(query.get("timestamps")),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceNs === undefined ? {} : { sinceNs }),
    ...(stream === undefined ? {} : { stream }),
  };
}
