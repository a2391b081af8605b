import type { StreamContainersRequestSchema, StreamContainersResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { inMessages } from "../select.ts";
import { containerMessages } from "./list-containers.ts";

export const streamContainers: StreamHandler<
  typeof StreamContainersRequestSchema,
  typeof StreamContainersResponseSchema
> = async function* (node, { filter }) {
  for (const containers of inMessages(await containerMessages(node, filter))) yield { containers };
};
