import type { Pod } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf } from "../../../api/resources.ts";
import type { KubeServerOptions } from "../context.ts";

/** Ids of the images that a Pod of the store names or has run. */
export async function imagesInUse({
  store,
  images,
}: Pick<KubeServerOptions, "store" | "images">): Promise<ReadonlySet<string>> {
  const references = new Set<string>();
  for (const { spec, status } of store.list(resourceNameOf(PODS)).items as readonly Pod[]) {
    const { containers = [], initContainers = [], ephemeralContainers = [] } = spec ?? {};
    for (const { image } of [...containers, ...initContainers, ...ephemeralContainers])
      if (image) references.add(image);
    const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
    for (const { imageID } of [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses])
      if (imageID) references.add(imageID);
  }
  const ids = new Set<string>();
  for (const reference of references) {
    const image = await images.status(reference).catch(() => undefined);
    if (image) ids.add(image.id);
  }
  return ids;
}
