import { isDeepStrictEqual } from "node:util";

import { MinkeError } from "../../../base/errors.ts";
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
    const made = await madeBefore(node, sandbox, config);
    return { containerId: made ?? (await node.runtime.createContainer(sandbox.id, config, signal)).id };
  });
};

/** The id of one that is as it was asked for and has not been started. One that is otherwise has taken the name. */
async function madeBefore(node: CriNode, sandbox: Sandbox, config: ContainerConfig): Promise<string | undefined> {
  const { name, attempt } = config.metadata;
  const same = (await node.runtime.containers({ sandboxId: sandbox.id })).find(
    ({ config: { metadata } }) => metadata.name === name && metadata.attempt === attempt,
  );
  if (!same) return undefined;
  if (same.state.phase === "created" && isDeepStrictEqual(same.config, config)) return same.id;
  throw new MinkeError(
    "AlreadyExists",
    `Cannot create container "${name}": sandbox ${sandbox.id.slice(0, 12)} has one of the same name and attempt ${attempt} (${same.id}); remove it or raise the attempt`,
  );
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
