/** `pull`: makes an image present. There is no registry client yet, so an image is here already, or the error says how. */
import { MinkeError } from "../../base/errors.ts";
import { requirePlatform } from "../../oci/platform.ts";
import { candidates, parseReference } from "../../oci/reference.ts";
import type { Image } from "../image.ts";
import type { Content } from "./content.ts";

/**
 * Finds the image. Also for `imagePullPolicy: Always`: what is here is the newest that this node can get. Rejects with
 * reason `ErrImagePull` when it is not here or is of another architecture, `InvalidImageName` for a malformed name.
 */
export function pullImage(content: Content, reference: string): Image {
  const image = content.catalog.find(reference);
  if (image) {
    requirePlatform(reference, image);
    return image;
  }
  const tried = candidates(parseReference(reference)).join(" nor ");
  throw new MinkeError(
    "NotFound",
    `Cannot pull image "${reference}": neither ${tried} is on this node, and this version has no registry client; ` +
      "bring it with minke image load or minke image import",
    { reason: "ErrImagePull", details: { image: reference } },
  );
}
