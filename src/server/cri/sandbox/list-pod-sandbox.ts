import type { ListPodSandboxRequestSchema, ListPodSandboxResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { selectSandboxes } from "../select.ts";
import { sandboxMessage } from "../translate/sandbox-status.ts";

export const listPodSandbox: UnaryHandler<
  typeof ListPodSandboxRequestSchema,
  typeof ListPodSandboxResponseSchema
> = async (node, { filter }) => ({ items: (await selectSandboxes(node, filter)).map(sandboxMessage) });
