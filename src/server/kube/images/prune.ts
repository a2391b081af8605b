import type { RequestContext } from "../context.ts";
import { isTrue } from "../request-info.ts";
import { sendJson } from "../respond.ts";
import { imagesInUse } from "./in-use.ts";

/** Removes images that no name needs; with `all`, those that no Pod needs. */
export async function pruneImages(context: RequestContext): Promise<void> {
  const { node, query } = context;
  const options = { all: isTrue(query.get("all")), inUse: await imagesInUse(node) };
  sendJson(context, 200, await node.images.prune(options));
}
<<<<<<< HEAD

/** Ids of the images that a Pod of the store names or has run. */
async function imagesInUse({ store, images }: KubeServerOptions): Promise<ReadonlySet<string>> {
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
=======
>>>>>>> cd42555
