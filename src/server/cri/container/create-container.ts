import { isDeepStrictEqual } from "node:util";

import { isMinkeError } from "../../../base/errors.ts";
import type { ContainerConfig, Sandbox } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import type { CreateContainerRequestSchema, CreateContainerResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { findContainer, requireSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { invalid, required } from "../invalid.ts";
import { containerConfig } from "../translate/container-config.ts";

/** As with sandboxes, a client that did not hear the answer gets what was made for it when it asks again. */
export const createContainer: UnaryHandler<
  typeof CreateContainerRequestSchema,
  typeof CreateContainerResponseSchema
> = async (node, request, { signal }) => {
  const sandbox = await requireSandbox(node, request.podSandboxId, "create a container");
  const translated = containerConfig(required(request.config, "config"), sandbox.config);
  const config = { ...translated, pidMode: await targetResolved(node, sandbox, translated.pidMode) };
  const { name, attempt } = config.metadata;
  return await node.naming.run(["container", sandbox.id, name, attempt].join("/"), async () => {
    try {
      return { containerId: (await node.runtime.createContainer(sandbox.id, config, signal)).id };
    } catch (error) {
      const made = isMinkeError(error, "AlreadyExists") ? await madeBefore(node, sandbox, config) : undefined;
      if (made === undefined) throw error;
      return { containerId: made };
    }
  });
};

/** A container of the same name that is as it was asked for and has not been started. */
async function madeBefore(node: CriNode, sandbox: Sandbox, config: ContainerConfig): Promise<string | undefined> {
  const containers = await node.runtime.containers({ sandboxId: sandbox.id });
  return containers.find(({ state, config: own }) => state.phase === "created" && isDeepStrictEqual(own, config))?.id;
}

/** A target may be given by a part of its id, and must be of the same sandbox. */
async function targetResolved(
  node: CriNode,
  sandbox: Sandbox,
  pidMode: ContainerConfig["pidMode"],
): Promise<ContainerConfig["pidMode"]> {
  if (typeof pidMode === "string") return pidMode;
  const field = "config.linux.security_context.namespace_options.target_id";
  const target = await findContainer(node, pidMode.container, field);
  if (target?.sandboxId === sandbox.id) return { container: target.id };
  throw invalid(field, pidMode.container, `there is no such container in sandbox ${sandbox.id.slice(0, 12)}`);
}
