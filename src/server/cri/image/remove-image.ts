import type { RemoveImageRequestSchema, RemoveImageResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { required } from "../invalid.ts";

/** By whatever name it is called, all of its names go. Idempotent. */
export const removeImage: UnaryHandler<typeof RemoveImageRequestSchema, typeof RemoveImageResponseSchema> = async (
  { images },
  { image },
) => {
  const found = await images.status(required(image?.image, "image.image"));
  if (found) await images.remove(found.id);
  return {};
};
