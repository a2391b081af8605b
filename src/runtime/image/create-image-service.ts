/** Puts the image service together: one content store, one set of unpacked layers, one verb per file. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Host } from "../../host/host.ts";
import { normalize, normalizeNew, parseReference, repositoryOf } from "../../oci/reference.ts";
import { readPolicy } from "../../oci/signature/policy.ts";
import { Registries, givenFor } from "../../oci/registry/registries.ts";
import type { CredentialVerification, Image, ImageService } from "../image.ts";
import { withEntry } from "./catalog.ts";
import { ImageUse, collectImages } from "./collect.ts";
import { Content } from "./content.ts";
import { diskUsage } from "./disk-usage.ts";
import { imageHistory } from "./history.ts";
import { importImage } from "./import.ts";
import { Layers } from "./layers.ts";
import { loadArchive } from "./load.ts";
import { notFound } from "./not-found.ts";
import { imagePaths } from "./paths.ts";
import { PullRecords } from "./pull-records.ts";
import { Puller } from "./pull.ts";
import { pushImage } from "./push.ts";
import { type ImagesInUse, pruneImages, removeImage } from "./remove.ts";
import { saveImage } from "./save.ts";
import { imageUsage } from "./usage.ts";
import { verifyImages } from "./verify.ts";

export interface ImageServiceOptions {
  readonly host: Pick<Host, "process">;
  /** Directory that lasts; images/ and layers/ are made in it. */
  readonly root: string;
  readonly log: Logger;
  readonly clock: Clock;
  /**
   * The ids of images that containers are made of. Their content outlives the removal of their last name, since running
   * containers have the layers mounted. Default: none.
   */
  readonly inUse?: ImagesInUse;
  /** Told when images have come. */
  readonly onGrown?: () => void;
  /** Directory with registries' settings, a folder with a hosts.toml each. */
  readonly registriesDir: string;
  /** File in the form of containers-policy.json(5) that says which images may be pulled. Default: all. */
  readonly policyFile?: string | undefined;
  /** Default: `NeverVerifyPreloadedImages`, as in the kubelet. */
  readonly credentialVerification?: CredentialVerification;
  /** Where `DOCKER_CONFIG`, `HOME` and the like say that credentials are. Default: none of them is set. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Opens the image store, cleaning up what an interrupted operation left. One service per root at a time. */
export async function createImageService(options: ImageServiceOptions): Promise<ImageService> {
  const { host, root, log, clock, registriesDir, env = {}, inUse = async () => new Set<string>() } = options;
  const { policyFile } = options;
  if (policyFile !== undefined) await readPolicy(policyFile); // a mistake in it is told now
  const { onGrown = () => {}, credentialVerification = { policy: "NeverVerifyPreloadedImages" } } = options;
  const content = new Content(host, imagePaths(root));
  await content.open(log);
  const use = new ImageUse(clock);
  const grown = (...images: readonly Image[]): void => {
    for (const { id } of images) use.note(id);
    onGrown();
  };
  const layers = new Layers(host, log, content);
  const registries = new Registries({ host, log, clock, env, directory: registriesDir });
  const records = await PullRecords.open(content.paths.pullRecords, credentialVerification, log);
  const puller = new Puller({ content, layers, registries, records, clock, policyFile });
  return {
    list: async () => content.catalog.images,
    status: async (reference) => content.catalog.find(reference),
    pull: async (reference, pullOptions) => {
      const image = await puller.pull(reference, pullOptions);
      grown(image);
      return image;
    },
    isOpenTo: async ({ id }, reference, auth) => {
      const repository = repositoryNamed(reference);
      return await records.allows(id, repository, givenFor(auth, repository));
    },
    push: async (reference, pushOptions) => await pushImage({ content, registries, clock }, reference, pushOptions),
    login: async (registry, login, loginOptions) => await registries.login(registry, login, loginOptions),
    logout: async (registry) => await registries.logout(registry),
    remove: async (reference) => await removeImage(content, inUse, reference),
    import: async (tar, importOptions) => {
      const image = await importImage(content, layers, clock, tar, importOptions);
      grown(image);
      return image;
    },
    load: async (archive) => {
      const images = await loadArchive(content, archive);
      grown(...images);
      return images;
    },
    save: (reference, format) => saveImage(content, reference, format),
    tag: async (source, target) => {
      const name = normalizeNew(target);
      return await content.change(async () => {
        const image = content.catalog.find(source);
        if (!image) throw notFound("tag", source);
        await content.commit(withEntry(content.catalog.entries, name, content.catalog.manifestOf(image).descriptor));
        return content.catalog.byId(image.id)!;
      });
    },
    prune: async ({ all, inUse: named }) =>
      await pruneImages(content, { all, inUse: new Set([...named, ...(await inUse())]) }),
    layers: async (id) => {
      const image = content.catalog.find(id);
      if (!image) throw notFound("unpack", id);
      use.note(image.id);
      return await layers.ensure(image);
    },
    collect: async (collectOptions) => await collectImages({ content, use, clock, inUse }, collectOptions),
    history: async (reference) => await imageHistory(content, reference),
    diskUsage: async ({ inUse: named }) => await diskUsage(content, new Set([...named, ...(await inUse())])),
    verify: async (reference, { signal } = {}) => await verifyImages(content, reference, signal),
    usage: async () => await imageUsage(content),
  };
}

/** The repository that a Pod means. An image can also be found by its id, which is of none. */
function repositoryNamed(reference: string): string {
  try {
    return repositoryOf(parseReference(normalize(parseReference(reference))));
  } catch {
    return reference;
  }
}
