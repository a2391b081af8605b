import type { Init } from "../message.ts";

import type { Container, ContainerFilter } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import type {
  ContainerStatusRequestSchema,
  ContainerStatusResponseSchema,
  ContainerStatusSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { requireContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { containerStatusMessage } from "../translate/container-status.ts";

export const containerStatus: UnaryHandler<
  typeof ContainerStatusRequestSchema,
  typeof ContainerStatusResponseSchema
> = async (node, { containerId, verbose }) => {
  const container = await requireContainer(node, containerId, "tell the status");
  return {
    status: containerStatusMessage(container, await node.images.status(container.imageId)),
    info: verbose ? { info: JSON.stringify(detailsOf(container)) } : {},
  };
};

/** The statuses of all containers that a filter lets through. */
export async function containerStatuses(
  { runtime, images }: Pick<CriNode, "runtime" | "images">,
  filter: ContainerFilter,
): Promise<Init<typeof ContainerStatusSchema>[]> {
  const containers = await runtime.containers(filter);
  return await Promise.all(
    containers.map(async (each) => containerStatusMessage(each, await images.status(each.imageId))),
  );
}

/** What `crictl inspect` shows beside the status. Not the environment: it may hold secrets. */
function detailsOf({ sandboxId, state, config }: Container): Readonly<Record<string, unknown>> {
  const { command, args, workingDir, security, pidMode, devices, stdin, stdinOnce, tty } = config;
  const pid = state.phase === "running" ? state.pid : 0;
  return {
    sandboxID: sandboxId,
    pid,
    config: { command, args, workingDir, stdin, stdinOnce, tty },
    security,
    pidMode,
    devices,
  };
}
