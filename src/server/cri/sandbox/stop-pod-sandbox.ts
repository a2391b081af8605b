import type { StopPodSandboxRequestSchema, StopPodSandboxResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { findSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";

/** Idempotent: success for a sandbox that is not there. */
export const stopPodSandbox: UnaryHandler<
  typeof StopPodSandboxRequestSchema,
  typeof StopPodSandboxResponseSchema
> = async (node, { podSandboxId }) => {
  const sandbox = await findSandbox(node, podSandboxId);
  if (sandbox) await node.runtime.stopSandbox(sandbox.id);
  return {};
};
