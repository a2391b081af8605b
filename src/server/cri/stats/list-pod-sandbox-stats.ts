import type { Init } from "../message.ts";

import type { CriNode } from "../context.ts";
import type {
  ListPodSandboxStatsRequestSchema,
  ListPodSandboxStatsResponseSchema,
  PodSandboxStatsFilter,
  PodSandboxStatsSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { selectSandboxes } from "../select.ts";
import { sandboxStatsMessage } from "./sandbox-stats-message.ts";

export const listPodSandboxStats: UnaryHandler<
  typeof ListPodSandboxStatsRequestSchema,
  typeof ListPodSandboxStatsResponseSchema
> = async (node, { filter }) => ({ stats: await readySandboxStats(node, filter) });

/** Of those that are ready: a stopped one uses nothing. */
export async function readySandboxStats(
  node: CriNode,
  filter: PodSandboxStatsFilter | undefined,
): Promise<Init<typeof PodSandboxStatsSchema>[]> {
  const ready = (await selectSandboxes(node, filter)).filter(({ state }) => state === "ready");
  return await Promise.all(ready.map(async (sandbox) => await sandboxStatsMessage(node, sandbox)));
}
