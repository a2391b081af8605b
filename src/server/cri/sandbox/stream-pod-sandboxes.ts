import type { StreamPodSandboxesRequestSchema, StreamPodSandboxesResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { inMessages, selectSandboxes } from "../select.ts";
import { sandboxMessage } from "../translate/sandbox-status.ts";

export const streamPodSandboxes: StreamHandler<
  typeof StreamPodSandboxesRequestSchema,
  typeof StreamPodSandboxesResponseSchema
> = async function* (node, { filter }) {
  for (const items of inMessages(await selectSandboxes(node, filter)))
    yield { podSandboxes: items.map(sandboxMessage) };
};
