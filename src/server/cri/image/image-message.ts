/** From the image service's image to the CRI's. Pure. */
import type { Init } from "../message.ts";

import type { Image } from "../../../runtime/image.ts";
import type { ImageSchema } from "../gen/runtime/v1/api_pb.ts";

export function imageMessage(image: Image): Init<typeof ImageSchema> {
  const { id, repoTags, repoDigests, sizeBytes, config } = image;
  return {
    id,
    repoTags: [...repoTags],
    repoDigests: [...repoDigests],
    // Clients take 0 for an image that is not whole.
    size: BigInt(Math.max(1, sizeBytes)),
    ...imageUser(config.user),
  };
}

/** The part before the colon, as a number or as a name. Nothing is root, which is said by saying nothing. */
export function imageUser(text: string): Pick<Init<typeof ImageSchema>, "uid" | "username"> {
  const [user = ""] = text.split(":");
  if (/^\d+$/.test(user)) return { uid: { value: BigInt(user) } };
  return { username: user };
}
