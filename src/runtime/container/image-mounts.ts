/** Images mounted into a container beside its own: each image's layers as one read-only tree. */
import { MinkeError } from "../../base/errors.ts";
import { resolveInRoot } from "../../oci/root-path.ts";
import type { Image } from "../image.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import type { ContainerConfig, Mount } from "../runtime.ts";
import type { Scope } from "../scope.ts";
import { makePlace } from "./own-mounts.ts";
import { requireImage } from "./require-image.ts";

/** A mount of an image, and the image. */
export interface ImageMount {
  readonly mount: Mount;
  readonly image: Image;
}

/** The images that a container's mounts name. Rejects with `NotFound` when one is not present. */
export async function mountedImages(scope: Scope, config: ContainerConfig): Promise<readonly ImageMount[]> {
  const found = config.mounts.map(async (mount) => {
    return mount.image ? [{ mount, image: await requireImage(scope, mount.image.image, config) }] : [];
  });
  return (await Promise.all(found)).flat();
}

/**
 * Mounts each image below the bundle, in the sandbox' user namespace if it has one, and tells what of it is to be bound into
 * the container: container path → host path.
 * Rejects a sub-path that the image does not have with `NotFound`.
 */
export async function mountImages(
  scope: Scope,
  record: ContainerRecord,
  mounts: readonly ImageMount[],
  userns: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const { places } = containerPaths(scope.layout, record.id);
  const sources = mounts.map(async ({ mount, image }, i) => {
    const target = await makePlace(places, `image-${i}`);
    // overlayfs wants two lower directories when there is no upper one.
    const lower = [...(await scope.images.layers(image.id)), await makePlace(places, "empty")];
    await scope.host.mount.overlay({ lower, target, ...(userns === undefined ? {} : { userns }) });
    return [mount.containerPath, await subPathOf(target, mount, record.config)] as const;
  });
  return new Map(await Promise.all(sources));
}

/** Nothing changes the tree any more, so a path in it stays what it is. */
async function subPathOf(root: string, { image, containerPath }: Mount, config: ContainerConfig): Promise<string> {
  const subPath = image?.subPath ?? "";
  const path = await resolveInRoot(root, subPath);
  if (path !== undefined) return path;
  throw new MinkeError(
    "NotFound",
    `Cannot create container "${config.metadata.name}": image "${image?.image}", to be mounted on ${containerPath}, has no "${subPath}"; name a path that is in it`,
    { reason: "CreateContainerError", details: { containerPath, subPath } },
  );
}
