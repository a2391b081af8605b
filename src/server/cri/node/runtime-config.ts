import type { RuntimeConfigRequestSchema, RuntimeConfigResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { CgroupDriver } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";

export const runtimeConfig: UnaryHandler<
  typeof RuntimeConfigRequestSchema,
  typeof RuntimeConfigResponseSchema
> = async ({ runtime }) => {
  const { cgroupDriver } = await runtime.features();
  return { linux: { cgroupDriver: cgroupDriver === "systemd" ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS } };
};
