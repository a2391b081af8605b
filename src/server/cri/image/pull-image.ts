import type { PullImageRequestSchema, PullImageResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { invalid, required } from "../invalid.ts";
import { registryAuth } from "./registry-auth.ts";

export const pullImage: UnaryHandler<typeof PullImageRequestSchema, typeof PullImageResponseSchema> = async (
  { images, runtime },
  request,
  { signal },
) => {
  const reference = required(request.image?.image, "image.image");
  const handler = request.image?.runtimeHandler ?? "";
  const { handlers } = await runtime.features();
  if (!handlers.some(({ name }) => name === handler)) {
    throw invalid(
      "image.runtime_handler",
      handler,
      `must be one of ${handlers.map(({ name }) => `"${name}"`).join(", ")}`,
    );
  }
  const auth = registryAuth(request.auth);
  const { id } = await images.pull(reference, { signal, ...(auth ? { auth: [auth] } : {}) });
  return { imageRef: id };
};
