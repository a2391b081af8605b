/** Finding an image that a container needs. */
import { MinkeError } from "../../base/errors.ts";
import type { Image } from "../image.ts";
import type { ContainerConfig } from "../runtime.ts";
import type { Scope } from "../scope.ts";

/** Rejects with `NotFound` when it is not present. */
export async function requireImage(scope: Scope, reference: string, config: ContainerConfig): Promise<Image> {
  const image = await scope.images.status(reference);
  if (image) return image;
  throw new MinkeError(
    "NotFound",
    `Cannot create container "${config.metadata.name}": image "${reference}" is not present; pull, load or import it`,
    { reason: "CreateContainerError", details: { image: reference } },
  );
}
