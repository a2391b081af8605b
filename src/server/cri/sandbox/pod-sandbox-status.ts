import type { Sandbox } from "../../../runtime/runtime.ts";
import { containerStatuses } from "../container/container-status.ts";
import type { PodSandboxStatusRequestSchema, PodSandboxStatusResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { sandboxStatusMessage } from "../translate/sandbox-status.ts";
import { nanoseconds } from "../translate/time.ts";

export const podSandboxStatus: UnaryHandler<
  typeof PodSandboxStatusRequestSchema,
  typeof PodSandboxStatusResponseSchema
> = async (node, { podSandboxId, verbose }) => {
  const sandbox = await requireSandbox(node, podSandboxId, "tell the status");
  const timestamp = nanoseconds(node.clock.now());
  return {
    status: sandboxStatusMessage(sandbox),
    info: verbose ? { info: JSON.stringify(detailsOf(sandbox)) } : {},
    containersStatuses: await containerStatuses(node, { sandboxId: sandbox.id }),
    timestamp,
  };
};

/** What `crictl inspectp` shows beside the status. */
function detailsOf({ cgroupPath, namespacePaths, config }: Sandbox): Readonly<Record<string, unknown>> {
  const { hostname, dns, portMappings, sysctls, logDirectory, cgroupParent } = config;
  return { cgroupPath, namespacePaths, hostname, dns, portMappings, sysctls, logDirectory, cgroupParent };
}
