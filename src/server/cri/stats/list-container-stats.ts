import type { Init } from "../message.ts";

import type { CriNode } from "../context.ts";
import type {
  ContainerStatsFilter,
  ContainerStatsSchema,
  ListContainerStatsRequestSchema,
  ListContainerStatsResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { ContainerState } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { selectContainers } from "../select.ts";
import { containerState } from "../translate/container-status.ts";
import { containerStatsMessages } from "./container-stats-messages.ts";

export const listContainerStats: UnaryHandler<
  typeof ListContainerStatsRequestSchema,
  typeof ListContainerStatsResponseSchema
> = async (node, { filter }) => ({ stats: await runningContainerStats(node, filter) });

/** Of those that run, as the CRI has it. */
export async function runningContainerStats(
  node: CriNode,
  filter: ContainerStatsFilter | undefined,
): Promise<Init<typeof ContainerStatsSchema>[]> {
  const containers = await selectContainers(node, filter);
  const running = containers.filter((each) => containerState(each) === ContainerState.CONTAINER_RUNNING);
  return await containerStatsMessages(node, running);
}
