import type { Init } from "../message.ts";

import type { CriNode } from "../context.ts";
import type { RuntimeConditionSchema, StatusRequestSchema, StatusResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";

/** What is announced here is what the runtime found on this host: nothing that would fail. */
export const status: UnaryHandler<typeof StatusRequestSchema, typeof StatusResponseSchema> = async (node, request) => {
  const [features, conditions] = await Promise.all([node.runtime.features(), conditionsOf(node)]);
  return {
    status: { conditions },
    info: request.verbose ? { config: JSON.stringify(await node.nodeInfo()) } : {},
    runtimeHandlers: features.handlers.map(({ name, recursiveReadonlyMounts, userNamespaces }) => ({
      name,
      features: { recursiveReadOnlyMounts: recursiveReadonlyMounts, userNamespaces },
    })),
    features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy },
  };
};

async function conditionsOf({ network }: CriNode): Promise<Init<typeof RuntimeConditionSchema>[]> {
  const ready = await network.ready();
  return [
    { type: "RuntimeReady", status: true },
    ready.ok
      ? { type: "NetworkReady", status: true }
      : { type: "NetworkReady", status: false, reason: "NetworkPluginNotReady", message: ready.message },
  ];
}
