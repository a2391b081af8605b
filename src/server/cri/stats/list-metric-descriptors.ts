import type {
  ListMetricDescriptorsRequestSchema,
  ListMetricDescriptorsResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { COMMON_LABELS, METRICS } from "./metric-table.ts";

export const listMetricDescriptors: UnaryHandler<
  typeof ListMetricDescriptorsRequestSchema,
  typeof ListMetricDescriptorsResponseSchema
> = async () => ({
  descriptors: METRICS.map(({ name, help, labels }) => ({ name, help, labelKeys: [...COMMON_LABELS, ...labels] })),
});
