/** `push`: gives an image to a registry, byte for byte as it is stored, so that its digests stay what they are. */
import { readFile } from "node:fs/promises";

import type { Clock } from "../../base/clock.ts";
import { MinkeError, isMinkeError } from "../../base/errors.ts";
import { Semaphore } from "../../base/semaphore.ts";
import { type Descriptor, digestOf } from "../../oci/image-format.ts";
import { LOCAL_REGISTRY, type Reference, normalize, parseReference, repositoryOf } from "../../oci/reference.ts";
import type { Registries } from "../../oci/registry/registries.ts";
import { wrongDigest } from "../../oci/registry/repository.ts";
import type { Source } from "../../oci/registry/source.ts";
import { putManifest, uploadBlob } from "../../oci/registry/upload.ts";
import type { Image, PushOptions, PushedImage } from "../image.ts";
import type { StoredManifest } from "./catalog.ts";
import type { Content } from "./content.ts";
import { notFound } from "./not-found.ts";
import { TransferProgress } from "./transfer-progress.ts";

/** Blobs of one image that are sent at the same time. */
const UPLOADS_AT_ONCE = 4;

export interface PushParts {
  readonly content: Content;
  readonly registries: Registries;
  readonly clock: Clock;
}

/** One push to one host with one credential. */
interface Job extends PushParts {
  readonly source: Source;
  readonly stored: StoredManifest;
  /** Another repository of the registry in which the image is. */
  readonly from: string | undefined;
  readonly progress: TransferProgress;
  readonly signal: AbortSignal;
}

/** See ImageService.push. */
export async function pushImage(parts: PushParts, text: string, options: PushOptions = {}): Promise<PushedImage> {
  const { content, registries, clock } = parts;
  const named = content.catalog.findNamed(text);
  const image = named?.image ?? content.catalog.find(text);
  if (!image) throw notFound("push", text);
  const target = targetOf(text, options.target ?? named?.names[0]);
  const name = normalize(target);
  const { signal = new AbortController().signal, onProgress = () => {} } = options;
  const stored = content.catalog.manifestOf(image);
  const { descriptor, manifest } = stored;
  const progress = new TransferProgress("Pushing", clock, onProgress);
  using _held = content.hold([descriptor, manifest.config, ...manifest.layers].map(({ digest }) => digest));
  try {
    const repository = await registries.open(target, options);
    await repository.first("push", async (source) => {
      const job = { ...parts, source, stored, from: otherRepository(image, target), progress, signal };
      await sendBlobs(job);
      progress.say(`Writing ${name}`);
      const data = await readFile(content.paths.blob(descriptor.digest));
      const actual = digestOf(data);
      if (actual !== descriptor.digest) throw wrongDigest("the manifest", descriptor.digest, actual, "the store");
      const reference = target.digest ?? target.tag ?? "latest";
      await putManifest(source, reference, { descriptor, data }, signal);
    });
  } catch (error) {
    if (!isMinkeError(error) || signal.aborted) throw error;
    const { code, message, details } = error;
    throw new MinkeError(code, `Cannot push image "${text}" to ${name}: ${message}`, { cause: error, details });
  }
  return { name, digest: descriptor.digest };
}

function targetOf(text: string, name: string | undefined): Reference {
  const target = name === undefined ? undefined : parseReference(name);
  if (target && target.registry !== LOCAL_REGISTRY) return target;
  const why = target ? `no registry has images of ${LOCAL_REGISTRY}` : "an id does not say to which registry";
  throw new MinkeError("InvalidArgument", `Cannot push image "${text}": ${why}; say REGISTRY/PATH:TAG behind it`, {
    reason: "InvalidImageName",
    details: { image: text },
  });
}

/** A repository of the same registry from which the registry can take the blobs by itself. */
function otherRepository({ repoDigests }: Image, target: Reference): string | undefined {
  const repository = repositoryOf(target);
  const registry = repository.slice(0, repository.indexOf("/") + 1);
  const others = repoDigests.map((name) => repositoryOf(parseReference(name)));
  return others.find((other) => other !== repository && other.startsWith(registry))?.slice(registry.length);
}

/** The configuration and all layers, side by side. The first failure ends the others; it is thrown when they have ended. */
async function sendBlobs(job: Job): Promise<void> {
  const { manifest } = job.stored;
  const failed = new AbortController();
  const signal = AbortSignal.any([job.signal, failed.signal]);
  const slots = new Semaphore(UPLOADS_AT_ONCE);
  job.progress.begin(manifest.layers);
  const blobs = new Map([...manifest.layers, manifest.config].map((one) => [one.digest, one]));
  const isLayer = new Set(manifest.layers.map(({ digest }) => digest));
  await Promise.allSettled(
    [...blobs.values()].map(async (descriptor) => {
      try {
        using _slot = await slots.acquire();
        signal.throwIfAborted();
        await sendBlob({ ...job, signal }, descriptor, isLayer.has(descriptor.digest));
      } catch (error) {
        failed.abort(error);
      }
    }),
  );
  signal.throwIfAborted();
}

async function sendBlob(job: Job, descriptor: Descriptor, isLayer: boolean): Promise<void> {
  const { content, source, from, clock, signal } = job;
  const { digest, size } = descriptor;
  const tell: TransferProgress["layer"] = (...step) => isLayer && job.progress.layer(...step);
  const outcome = await uploadBlob({
    source,
    descriptor,
    path: content.paths.blob(digest),
    from,
    clock,
    signal,
    onBytes: (bytes) => tell(digest, "pushing", bytes),
  });
  tell(digest, outcome === "present" ? "present" : "done", size);
}
