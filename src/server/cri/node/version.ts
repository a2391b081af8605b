import { VERSION } from "../../../base/version.ts";
import type { VersionRequestSchema, VersionResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";

/** The kubelet takes no other. Kubernetes: pkg/kubelet/kuberuntime (kubeRuntimeAPIVersion). */
const KUBELET_API_VERSION = "0.1.0";

export const version: UnaryHandler<typeof VersionRequestSchema, typeof VersionResponseSchema> = async () => ({
  version: KUBELET_API_VERSION,
  runtimeName: "minke",
  runtimeVersion: VERSION,
  runtimeApiVersion: "v1",
});
