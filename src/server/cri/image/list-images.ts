import type { Init } from "../message.ts";

import type { CriNode } from "../context.ts";
import type {
  ImageFilter,
  ImageSchema,
  ListImagesRequestSchema,
  ListImagesResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { imageMessage } from "./image-message.ts";

export const listImages: UnaryHandler<typeof ListImagesRequestSchema, typeof ListImagesResponseSchema> = async (
  node,
  { filter },
) => ({ images: await imageMessages(node, filter) });

export async function imageMessages(
  { images }: CriNode,
  filter: ImageFilter | undefined,
): Promise<Init<typeof ImageSchema>[]> {
  const wanted = filter?.image?.image ?? "";
  if (wanted === "") return (await images.list()).map(imageMessage);
  const image = await images.status(wanted);
  return image ? [imageMessage(image)] : [];
}
