import type { Init } from "../message.ts";

import type { RuntimeEvent, Sandbox } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import { OWNER } from "../context.ts";
import type { ContainerEventResponseSchema, GetEventsRequestSchema } from "../gen/runtime/v1/api_pb.ts";
import { ContainerEventType } from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { sandboxStatusMessage } from "../translate/sandbox-status.ts";
import { nanoseconds } from "../translate/time.ts";
import { containerStatuses } from "./container-status.ts";

type Message = Init<typeof ContainerEventResponseSchema>;

const TYPES: Readonly<Record<Exclude<RuntimeEvent["type"], "sandbox">, ContainerEventType>> = {
  created: ContainerEventType.CONTAINER_CREATED_EVENT,
  started: ContainerEventType.CONTAINER_STARTED_EVENT,
  stopped: ContainerEventType.CONTAINER_STOPPED_EVENT,
  deleted: ContainerEventType.CONTAINER_DELETED_EVENT,
};

/** From now on, each with the status of its Pod as it is when the event is sent. A slow client loses the oldest. */
export const getContainerEvents: StreamHandler<typeof GetEventsRequestSchema, typeof ContainerEventResponseSchema> =
  async function* (node, _request, { signal }) {
    const events = node.runtime.events(signal);
    // The kubelet skips an event without a sandbox' status: one that is gone is told of as it was last.
    const seen = new Map((await node.runtime.sandboxes({ owner: OWNER })).map((each) => [each.id, each]));
    for await (const event of events) {
      if (event.owner === OWNER) yield* told(node, event, seen);
    }
  };

async function* told(node: CriNode, event: RuntimeEvent, seen: Map<string, Sandbox>): AsyncIterable<Message> {
  const { sandboxId } = event;
  const before = seen.get(sandboxId);
  const now = await node.runtime.sandbox(sandboxId);
  if (now) seen.set(sandboxId, now);
  else seen.delete(sandboxId);
  const sandbox = now ?? (before && ({ ...before, state: "notready" } as const));
  const containersStatuses = await containerStatuses(node, { sandboxId });
  for (const containerEventType of typesOf(event, before, now)) {
    yield {
      containerId: event.containerId ?? sandboxId,
      containerEventType,
      createdAt: nanoseconds(node.clock.now()),
      ...(sandbox ? { podSandboxStatus: sandboxStatusMessage(sandbox) } : {}),
      containersStatuses,
    };
  }
}

/** A sandbox is told of as if it were a container, as containerd does it; what happened to it follows from what it was. */
function typesOf(
  { type }: RuntimeEvent,
  before: Sandbox | undefined,
  now: Sandbox | undefined,
): readonly ContainerEventType[] {
  if (type !== "sandbox") return [TYPES[type]];
  if (!now) return [TYPES.deleted];
  if (now.state === "notready") return before?.state === "notready" ? [] : [TYPES.stopped];
  return before?.state === "ready" ? [] : [TYPES.created, TYPES.started];
}
