import { isDeepStrictEqual } from "node:util";

import { isMinkeError } from "../../../base/errors.ts";
import type { SandboxConfig } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import { OWNER } from "../context.ts";
import type { RunPodSandboxRequestSchema, RunPodSandboxResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { required } from "../invalid.ts";
import { sandboxConfig } from "../translate/sandbox-config.ts";

/**
 * A client that did not hear the answer asks again. It gets the sandbox that was made for it, so a name that nobody knows
 * the owner of can not stay reserved.
 */
export const runPodSandbox: UnaryHandler<
  typeof RunPodSandboxRequestSchema,
  typeof RunPodSandboxResponseSchema
> = async (node, request, { signal }) => {
  const config = sandboxConfig(required(request.config, "config"), request.runtimeHandler);
  const { namespace, name, uid, attempt } = config.metadata;
  return await node.naming.run(["sandbox", namespace, name, uid, attempt].join("/"), async () => {
    try {
      return { podSandboxId: (await node.runtime.runSandbox(config, signal)).id };
    } catch (error) {
      const made = isMinkeError(error, "AlreadyExists") ? await madeBefore(node, config) : undefined;
      if (made === undefined) throw error;
      return { podSandboxId: made };
    }
  });
};

/** A sandbox of the same name that is as it was asked for, and in which nothing has been done yet. */
async function madeBefore({ runtime }: CriNode, config: SandboxConfig): Promise<string | undefined> {
  const sandboxes = await runtime.sandboxes({ owner: OWNER, podUid: config.metadata.uid });
  const same = sandboxes.find((each) => each.state === "ready" && isDeepStrictEqual(each.config, config));
  if (!same || (await runtime.containers({ sandboxId: same.id })).length > 0) return undefined;
  return same.id;
}
