import type { ImageFsInfoRequestSchema, ImageFsInfoResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { counter } from "../stats/usage.ts";
import { nanoseconds } from "../translate/time.ts";

/** Images and writable layers are below one root, so there is one file system. */
export const imageFsInfo: UnaryHandler<typeof ImageFsInfoRequestSchema, typeof ImageFsInfoResponseSchema> = async ({
  images,
  clock,
}) => {
  const { path, usedBytes, inodesUsed } = await images.usage();
  const usage = {
    timestamp: nanoseconds(clock.now()),
    fsId: { mountpoint: path },
    usedBytes: counter(usedBytes)!,
    inodesUsed: counter(inodesUsed)!,
  };
  return { imageFilesystems: [usage] };
};
