import type {
  ListPodSandboxMetricsRequestSchema,
  ListPodSandboxMetricsResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { sandboxMetrics } from "./sandbox-metrics.ts";

export const listPodSandboxMetrics: UnaryHandler<
  typeof ListPodSandboxMetricsRequestSchema,
  typeof ListPodSandboxMetricsResponseSchema
> = async (node) => ({ podMetrics: await sandboxMetrics(node) });
