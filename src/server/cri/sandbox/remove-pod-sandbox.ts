import type { RemovePodSandboxRequestSchema, RemovePodSandboxResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { findSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";

/** Idempotent: success for a sandbox that is not there. */
export const removePodSandbox: UnaryHandler<
  typeof RemovePodSandboxRequestSchema,
  typeof RemovePodSandboxResponseSchema
> = async (node, { podSandboxId }) => {
  const sandbox = await findSandbox(node, podSandboxId);
  if (sandbox) await node.runtime.removeSandbox(sandbox.id);
  return {};
};
