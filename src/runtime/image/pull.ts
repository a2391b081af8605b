/**
 * `pull`: makes a reference what its registry has under it now. One pull per image at a time, whoever asks; callers with the
 * same credentials share it, others wait and then ask the registry with theirs, which costs one request when all is here.
 */
import { createHash } from "node:crypto";

import type { Clock } from "../../base/clock.ts";
import { MinkeError, isMinkeError } from "../../base/errors.ts";
import { JoinedTasks } from "../../base/joined-tasks.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { Semaphore } from "../../base/semaphore.ts";
import {
  DOCUMENT_BYTES_MAX,
  type Descriptor,
  type Manifest,
  type Platform,
  digestOf,
  malformed,
  readConfig,
} from "../../oci/image-format.ts";
import { parsePlatform, requirePlatform } from "../../oci/platform.ts";
import {
  LOCAL_REGISTRY,
  type Reference,
  candidates,
  normalize,
  parseReference,
  repositoryOf,
} from "../../oci/reference.ts";
import { readRemoteBlob } from "../../oci/registry/blob.ts";
import { type FoundManifest, findManifest } from "../../oci/registry/find-manifest.ts";
import type { Registries } from "../../oci/registry/registries.ts";
import { type Repository, wrongDigest } from "../../oci/registry/repository.ts";
import { checkPolicy } from "../../oci/signature/check.ts";
import type { Image, ImageProgress, PullOptions, RegistryAuth } from "../image.ts";
import { repoDigestOf, withEntry } from "./catalog.ts";
import type { Content } from "./content.ts";
import { fetchLayer } from "./fetch-layer.ts";
import type { Layers } from "./layers.ts";
import type { PullRecords } from "./pull-records.ts";
import { TransferProgress } from "./transfer-progress.ts";

/** Layers that come in at the same time, over all pulls, as in docker: each has a connection, a decompressor and a tar. */
const LAYERS_AT_ONCE = 3;

export interface PullerOptions {
  readonly content: Content;
  readonly layers: Layers;
  readonly registries: Registries;
  readonly records: PullRecords;
  readonly clock: Clock;
  /** File that says which images may come. Default: all. */
  readonly policyFile?: string | undefined;
}

/** One pull, as those who join it share it. */
interface Job {
  readonly reference: Reference;
  /** In normal form. */
  readonly name: string;
  readonly options: PullOptions;
  readonly progress: TransferProgress;
  readonly signal: AbortSignal;
}

export class Puller {
  readonly #content: Content;
  readonly #layers: Layers;
  readonly #registries: Registries;
  readonly #records: PullRecords;
  readonly #clock: Clock;
  readonly #policyFile: string | undefined;
  readonly #joined = new JoinedTasks<Image>();
  readonly #names = new KeyedLock();
  readonly #blobs = new KeyedLock();
  readonly #slots = new Semaphore(LAYERS_AT_ONCE);
  /** Who is told of a pull's progress. */
  readonly #listeners = new Map<string, Set<(progress: ImageProgress) => void>>();

  constructor(options: PullerOptions) {
    this.#content = options.content;
    this.#layers = options.layers;
    this.#registries = options.registries;
    this.#records = options.records;
    this.#clock = options.clock;
    this.#policyFile = options.policyFile;
  }

  /** See ImageService.pull. */
  async pull(text: string, options: PullOptions = {}): Promise<Image> {
    const reference = parseReference(text);
    const local = this.#localImage(text, reference, platformOf(options));
    if (local) return local;
    const name = normalize(reference);
    const key = keyOf(name, options);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    const { onProgress, signal } = options;
    if (onProgress) listeners.add(onProgress);
    try {
      return await this.#joined.run(key, signal, async (joinedSignal) => {
        const tell = (step: ImageProgress): void => this.#listeners.get(key)?.forEach((listener) => listener(step));
        const progress = new TransferProgress("Pulling", this.#clock, tell);
        const job = { reference, name, options, progress, signal: joinedSignal };
        return await this.#names.run(name, async () => await this.#pullAlone(job));
      });
    } catch (error) {
      throw pullError(text, error);
    } finally {
      if (onProgress) listeners.delete(onProgress);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    }
  }

  /** An image of this machine's own, by `localhost/NAME` or by a short name for which there is one. No registry has those. */
  #localImage(text: string, reference: Reference, platform: Platform | undefined): Image | undefined {
    const [local] = candidates(reference);
    if (!local?.startsWith(`${LOCAL_REGISTRY}/`)) return undefined;
    const image = this.#content.catalog.find(local);
    if (image) requirePlatform(text, image, platform);
    if (image || reference.registry === undefined) return image;
    throw new MinkeError(
      "NotFound",
      `Cannot pull image "${text}": ${local} is not on this node, and no registry has images of ${LOCAL_REGISTRY}; ` +
        "bring it with minke image load or minke image import",
      { reason: "ErrImagePull", details: { image: text } },
    );
  }

  async #pullAlone(job: Job): Promise<Image> {
    const { name, reference, options, progress, signal } = job;
    signal.throwIfAborted();
    progress.say(`Looking up ${name}`);
    const repository = await this.#registries.open(reference, options);
    const present = await this.#unchanged(job, repository);
    if (present) return present;
    const platform = platformOf(options);
    const wanted = reference.digest ?? name.slice(repository.name.length + 1);
    const found = await findManifest(repository, wanted, { platform, signal });
    const { manifest, descriptor } = found;
    const { credential } = repository;
    await this.#check(job, repository, [descriptor.digest, found.remoteDigest]);
    const config = await this.#document(repository, manifest.config, signal);
    const { diffIds, ...made } = readConfig(
      config.toString("utf8"),
      `configuration ${manifest.config.digest} of ${name}`,
    );
    requirePlatform(name, made, platform);
    if (diffIds.length !== manifest.layers.length) {
      throw malformed(
        name,
        `its manifest has ${manifest.layers.length} layers, and its configuration ${diffIds.length}`,
      );
    }
    const blobs = [descriptor, manifest.config, ...manifest.layers].map(({ digest }) => digest);
    try {
      using _held = this.#content.hold([...blobs, ...diffIds]);
      await this.#fetchLayers(job, repository, manifest, diffIds);
      return await this.#commit(job, found, { config, credential });
    } catch (error) {
      if (!signal.aborted && !isMinkeError(error, "Unavailable")) await this.#giveBack();
      throw error;
    }
  }

  /**
   * The image, when the registry says that the name still means what is here. Also with a digest, which can mean nothing
   * else: the registry decides who may have it.
   */
  async #unchanged(job: Job, repository: Repository): Promise<Image | undefined> {
    const { reference, name, options, signal } = job;
    const entry = this.#content.catalog.entries.find((one) => one.name === name);
    const known = entry && repoDigestOf(entry)?.split("@")[1];
    if (!entry || options.platform !== undefined) return undefined;
    const remote = await repository.resolve(reference.digest ?? reference.tag ?? "latest", signal);
    const image = remote === known ? this.#content.catalog.find(name) : undefined;
    if (!image || remote === undefined) return undefined;
    const { credential } = repository;
    await this.#check(job, repository, [image.manifestDigest, remote]);
    try {
      requirePlatform(name, image);
      await this.#layers.ensure(image);
      await this.#content.change(async () => await this.#note(job, image.id, credential));
      return image;
    } catch {
      return undefined; // damaged, or pulled for another machine: it is brought anew
    }
  }

  async #document(repository: Repository, descriptor: Descriptor, signal: AbortSignal): Promise<Buffer> {
    const what = `configuration ${descriptor.digest}`;
    if (descriptor.size > DOCUMENT_BYTES_MAX) {
      throw malformed(what, `it has ${descriptor.size} bytes; at most ${DOCUMENT_BYTES_MAX}`);
    }
    const clock = this.#clock;
    const data = Buffer.concat(await Array.fromAsync(readRemoteBlob({ repository, descriptor, clock, signal })));
    const actual = digestOf(data);
    if (actual !== descriptor.digest) throw wrongDigest(what, descriptor.digest, actual, repository.name);
    return data;
  }

  /** All layers, side by side. The first failure ends the others; it is thrown when they have ended. */
  async #fetchLayers(job: Job, repository: Repository, manifest: Manifest, diffIds: readonly string[]): Promise<void> {
    const { name: image, progress } = job;
    const failed = new AbortController();
    const signal = AbortSignal.any([job.signal, failed.signal]);
    progress.begin(manifest.layers);
    const parts = { content: this.#content, layers: this.#layers, clock: this.#clock };
    const pairs = new Map(manifest.layers.map((descriptor, i) => [`${descriptor.digest} ${diffIds[i]}`, i]));
    const results = await Promise.allSettled(
      [...pairs.values()].map(async (i) => {
        try {
          using _slot = await this.#slots.acquire();
          const [descriptor, diffId] = [manifest.layers[i]!, diffIds[i]!];
          await this.#blobs.run(descriptor.digest, async () => {
            signal.throwIfAborted();
            await fetchLayer({ ...parts, repository, image, descriptor, diffId, progress, signal });
          });
        } catch (error) {
          failed.abort(error);
          throw error;
        }
      }),
    );
    job.signal.throwIfAborted();
    if (results.some(({ status }) => status === "rejected")) throw failed.signal.reason as Error;
  }

  /** By the policy, before anything else is brought. */
  async #check(job: Pick<Job, "name" | "signal">, repository: Repository, digests: readonly string[]): Promise<void> {
    if (this.#policyFile === undefined) return;
    await checkPolicy(this.#policyFile, { ...job, repository, digests, clock: this.#clock });
  }

  /** Inside of a change, so that nobody takes the record of an image for one of an image that is gone. */
  async #note({ options, name }: Job, id: string, credential: RegistryAuth | undefined): Promise<void> {
    if (options.forPod !== true) return;
    const exists = (one: string): boolean => this.#content.catalog.byId(one) !== undefined;
    await this.#records.note(id, repositoryOf(parseReference(name)), credential, exists);
  }

  async #commit(
    job: Job,
    found: FoundManifest,
    { config, credential }: { readonly config: Buffer; readonly credential: RegistryAuth | undefined },
  ): Promise<Image> {
    const { name, progress } = job;
    const { manifest, descriptor, data, remoteDigest } = found;
    progress.say(`Storing ${name}`);
    return await this.#content.change(async () => {
      await this.#note(job, manifest.config.digest, credential);
      await this.#content.putData(manifest.config.digest, config);
      await this.#content.putData(descriptor.digest, data);
      await this.#content.commit(withEntry(this.#content.catalog.entries, name, descriptor, remoteDigest));
      return this.#content.catalog.byId(manifest.config.digest)!;
    });
  }

  /** The disk space of layers that were good while their image turned out not to be. */
  async #giveBack(): Promise<void> {
    await this.#content.change(async () => await this.#content.sweep());
  }
}

function platformOf({ platform }: PullOptions): Platform | undefined {
  return platform === undefined ? undefined : parsePlatform(platform);
}

/** Pulls with the same key are one. Credentials are part of it: nobody gets what only another may have. */
function keyOf(name: string, { auth = [], platform = "", verifyTls = true, forPod = false }: PullOptions): string {
  const secrets = createHash("sha256").update(JSON.stringify(auth)).digest("hex");
  return [name, platform, verifyTls, forPod, secrets].join(" ");
}

/** Every failure of a pull names the image, and has a reason that Kubernetes knows. */
function pullError(text: string, error: unknown): unknown {
  if (!isMinkeError(error)) return error;
  const { code, details, message } = error;
  const reason = error.reason ?? "ErrImagePull";
  const known = message.includes(`"${text}"`);
  return new MinkeError(code, known ? message : `Cannot pull image "${text}": ${message}`, {
    cause: error,
    reason,
    details: { ...details, image: text },
  });
}
