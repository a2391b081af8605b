import type { Init } from "../message.ts";

import type { CriNode } from "../context.ts";
import type {
  ContainerFilter,
  ContainerSchema,
  ListContainersRequestSchema,
  ListContainersResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { selectContainers } from "../select.ts";
import { containerMessage } from "../translate/container-status.ts";

export const listContainers: UnaryHandler<
  typeof ListContainersRequestSchema,
  typeof ListContainersResponseSchema
> = async (node, { filter }) => ({ containers: await containerMessages(node, filter) });

export async function containerMessages(
  node: CriNode,
  filter: ContainerFilter | undefined,
): Promise<Init<typeof ContainerSchema>[]> {
  const containers = await selectContainers(node, filter);
  const images = new Map((await node.images.list()).map((image) => [image.id, image]));
  return containers.map((container) => containerMessage(container, images.get(container.imageId)));
}
