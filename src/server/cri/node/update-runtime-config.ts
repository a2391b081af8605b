import { MinkeError } from "../../../base/errors.ts";
import type { UpdateRuntimeConfigRequestSchema, UpdateRuntimeConfigResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";

/**
 * The kubelet tells the range of addresses that a cluster gave its node. A cluster's network plugin, which brings its own
 * configuration, knows it; the embedded network would not heed it, and says so.
 */
export const updateRuntimeConfig: UnaryHandler<
  typeof UpdateRuntimeConfigRequestSchema,
  typeof UpdateRuntimeConfigResponseSchema
> = async ({ network }, { runtimeConfig }) => {
  const cidr = runtimeConfig?.networkConfig?.podCidr ?? "";
  if (cidr === "" || network.kind === "cni") return {};
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot give Pods addresses of ${cidr}: the embedded network has its own; start minke with --cni-conf-dir and install a network plugin`,
    { details: { field: "runtime_config.network_config.pod_cidr" } },
  );
};
