/** `remove` and `prune`: names go first, content after its last name. */
import type { Image } from "../image.ts";
import type { IndexEntry } from "./catalog.ts";
import type { Content } from "./content.ts";

/** The ids of images that a container is made of. */
export type ImagesInUse = () => Promise<ReadonlySet<string>>;

/** See ImageService.remove. An image that a container is made of stays, without a name, until it is pruned. */
export async function removeImage(content: Content, inUse: ImagesInUse, reference: string): Promise<void> {
  await content.change(async () => {
    const named = content.catalog.findNamed(reference);
    const image = named?.image ?? content.catalog.find(reference);
    if (!image) return;
    const gone = named && named.names.length > 0 ? named.names : content.catalog.namesOf(image);
    const rest = content.catalog.entries.filter((entry) => entry.name === undefined || !gone.includes(entry.name));
    const hasName = rest.some((entry) => entry.name !== undefined && isOf(content, entry, image));
    const entries = hasName ? rest : rest.filter((entry) => !isOf(content, entry, image));
    const isNeeded = !hasName && (await inUse()).has(image.id);
    await content.commit(
      isNeeded ? [...entries, { descriptor: content.catalog.manifestOf(image).descriptor }] : entries,
    );
    await content.sweep();
  });
}

/** See ImageService.prune. */
export async function pruneImages(
  content: Content,
  options: { readonly all: boolean; readonly inUse: ReadonlySet<string> },
): Promise<{ readonly removed: readonly string[]; readonly freedBytes: number }> {
  return await content.change(async () => {
    const doomed = content.catalog.images.filter(
      (image) => !options.inUse.has(image.id) && (options.all || content.catalog.namesOf(image).length === 0),
    );
    const removed = doomed.flatMap((image) => {
      const names = content.catalog.namesOf(image);
      return names.length > 0 ? names : [image.id];
    });
    const entries = content.catalog.entries.filter((entry) => !doomed.some((image) => isOf(content, entry, image)));
    if (doomed.length > 0) await content.commit(entries);
    const freedBytes = await content.sweep();
    return {
      removed,
      freedBytes,
    };
  });
}

/** Removes one image with all of its names, unless it is busy by now. Resolves with the names, or the id when it had none. */
export async function removeUnused(
  content: Content,
  id: string,
  isBusy: () => Promise<boolean>,
): Promise<readonly string[]> {
  return await content.change(async () => {
    const image = content.catalog.byId(id);
    if (!image || (await isBusy())) return [];
    const names = content.catalog.namesOf(image);
    await content.commit(content.catalog.entries.filter((entry) => !isOf(content, entry, image)));
    await content.sweep();
    return names.length > 0 ? names : [id];
  });
}

function isOf(content: Content, entry: IndexEntry, image: Image): boolean {
  return content.catalog.manifests.get(entry.descriptor.digest)?.manifest.config.digest === image.id;
}
