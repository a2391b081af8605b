import type { Image } from "../../../runtime/image.ts";
import type { ImageStatusRequestSchema, ImageStatusResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { required } from "../invalid.ts";
import { imageMessage } from "./image-message.ts";

/** An image that is not there is an answer without one, and no error. */
export const imageStatus: UnaryHandler<typeof ImageStatusRequestSchema, typeof ImageStatusResponseSchema> = async (
  { images },
  request,
) => {
  const image = await images.status(required(request.image?.image, "image.image"));
  if (!image) return {};
  return { image: imageMessage(image), info: request.verbose ? { info: JSON.stringify(detailsOf(image)) } : {} };
};

/** What `crictl inspecti` shows beside the status. */
function detailsOf({
  architecture,
  os,
  createdMs,
  config,
  manifestDigest,
  diffIds,
}: Image): Readonly<Record<string, unknown>> {
  const created = createdMs === 0 ? undefined : new Date(createdMs).toISOString();
  return {
    imageSpec: { architecture, os, created, config, rootfs: { type: "layers", diff_ids: diffIds } },
    manifestDigest,
  };
}
