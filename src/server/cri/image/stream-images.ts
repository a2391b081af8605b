import type { StreamImagesRequestSchema, StreamImagesResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { inMessages } from "../select.ts";
import { imageMessages } from "./list-images.ts";

export const streamImages: StreamHandler<typeof StreamImagesRequestSchema, typeof StreamImagesResponseSchema> =
  async function* (node, { filter }) {
    for (const images of inMessages(await imageMessages(node, filter))) yield { images };
  };
