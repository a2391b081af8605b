/**
 * The images that there are, in memory: what index.json, the manifests and the configurations say. Asking costs no I/O.
 * An image is its configuration; each entry of the index gives a name to a manifest of it, or keeps a manifest that has lost
 * its last name. Entries are in the order in which the names were given.
 */
import { MinkeError } from "../../base/errors.ts";
import {
  type ConfigFile,
  type Descriptor,
  type Manifest,
  NAME_ANNOTATION,
  REF_NAME_ANNOTATION,
  textOf,
  textsOf,
} from "../../oci/image-format.ts";
import { candidates, parseReference, repositoryOf } from "../../oci/reference.ts";
import type { Image, ImageConfig } from "../image.ts";

/** A manifest with what it refers to. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ConfigFile;
}

/** One line of index.json: a manifest, and at most one name in normal form, with a tag or a digest. */
export interface IndexEntry {
  readonly name?: string;
  readonly descriptor: Descriptor;
  /** The digest that a registry has under the name: an index's, or the manifest's own. Absent: it did not come from a registry. */
  readonly remoteDigest?: string;
}

/** Annotation of index.json with {@link IndexEntry.remoteDigest}. */
const REMOTE_DIGEST_ANNOTATION = "dev.minke.image.remote-digest";

const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{12,64})$/;

export class Catalog {
  #entries: readonly IndexEntry[] = [];
  #manifests: ReadonlyMap<string, StoredManifest> = new Map();
  #images: ReadonlyMap<string, Image> = new Map();
  #names: ReadonlyMap<string, string> = new Map();

  get entries(): readonly IndexEntry[] {
    return this.#entries;
  }

  get images(): readonly Image[] {
    return [...this.#images.values()];
  }

  /** Takes over a new index. Entries whose manifest is not among `manifests` (it could not be read) are kept, not shown. */
  replace(entries: readonly IndexEntry[], manifests: ReadonlyMap<string, StoredManifest>): void {
    this.#entries = entries;
    this.#manifests = manifests;
    const images = new Map<string, Image>();
    const names = new Map<string, string>();
    for (const entry of entries) {
      const stored = manifests.get(entry.descriptor.digest);
      if (!stored) continue;
      const id = stored.manifest.config.digest;
      images.set(id, withName(images.get(id) ?? imageOf(stored), entry));
      if (entry.name !== undefined) names.set(entry.name, id);
    }
    this.#images = images;
    this.#names = names;
  }

  get manifests(): ReadonlyMap<string, StoredManifest> {
    return this.#manifests;
  }

  /** Whether a registry can give it again: each of its names came from one. One without a name is nobody's any more. */
  isFromRegistry({ id }: Image): boolean {
    const own = this.#entries.filter(
      ({ descriptor }) => this.#manifests.get(descriptor.digest)?.manifest.config.digest === id,
    );
    return own.every(({ name, remoteDigest }) => name === undefined || remoteDigest !== undefined);
  }

  byId(id: string): Image | undefined {
    return this.#images.get(id);
  }

  /** The manifest by which an image is saved and unpacked. */
  manifestOf(image: Image): StoredManifest {
    return this.#manifests.get(image.manifestDigest)!;
  }

  /**
   * Finds an image by name, by `repository@digest`, or by id or a unique prefix of one. Throws `InvalidArgument` with reason
   * `InvalidImageName` for what can be none of them, and for an ambiguous prefix.
   */
  find(reference: string): Image | undefined {
    return this.findNamed(reference)?.image ?? this.#findById(reference);
  }

  /** All names of an image, with a tag or a digest. */
  namesOf(image: Image): readonly string[] {
    const own = this.#entries.filter(
      ({ descriptor }) => this.#manifests.get(descriptor.digest)?.manifest.config.digest === image.id,
    );
    return own.flatMap(({ name }) => (name === undefined ? [] : [name]));
  }

  /** Finds an image by name only; `names` are those of its names that the reference means. */
  findNamed(reference: string): { readonly image: Image; readonly names: readonly string[] } | undefined {
    if (ID_PREFIX.test(reference) && (reference.includes(":") || reference.length === 64)) return undefined;
    const parsed = parseReference(reference);
    for (const name of candidates(parsed)) {
      if (parsed.digest !== undefined) {
        const found = this.#findByDigest(name);
        if (found) return found;
        continue;
      }
      const id = this.#names.get(name);
      if (id !== undefined) return { image: this.#images.get(id)!, names: [name] };
    }
    return undefined;
  }

  #findByDigest(repoDigest: string): { readonly image: Image; readonly names: readonly string[] } | undefined {
    const image = this.images.find((one) => one.repoDigests.includes(repoDigest));
    if (!image) return undefined;
    const meant = this.#entries.filter((entry) => repoDigestOf(entry) === repoDigest);
    return { image, names: meant.map((entry) => entry.name!) };
  }

  #findById(reference: string): Image | undefined {
    const hex = ID_PREFIX.exec(reference)?.[1];
    if (hex === undefined) return undefined;
    const found = this.images.filter((image) => image.id.startsWith(`sha256:${hex}`));
    if (found.length <= 1) return found[0];
    throw new MinkeError(
      "InvalidArgument",
      `Cannot find image "${reference}": ${found.length} images have ids that start so; write more digits`,
      { reason: "InvalidImageName", details: { ids: found.map((image) => image.id) } },
    );
  }
}

/**
 * The entries with `name` given to `descriptor`, and what a registry has under it. An image that loses its last name so
 * stays, without one.
 */
export function withEntry(
  entries: readonly IndexEntry[],
  name: string | undefined,
  to: Descriptor,
  remoteDigest?: string,
): IndexEntry[] {
  const descriptor = bare(to);
  const taken = entries.filter((entry) => name !== undefined && entry.name === name);
  const kept = entries.filter(
    (entry) => !taken.includes(entry) && !(entry.name === undefined && entry.descriptor.digest === descriptor.digest),
  );
  const isListed = kept.some((entry) => entry.descriptor.digest === descriptor.digest);
  const orphans = taken
    .map((entry) => entry.descriptor)
    .filter(({ digest }) => digest !== descriptor.digest && !kept.some((entry) => entry.descriptor.digest === digest))
    .map((orphan) => ({ descriptor: orphan }));
  if (name === undefined) return isListed ? kept : [...kept, { descriptor }];
  return [...orphans, ...kept, { name, descriptor, ...(remoteDigest === undefined ? {} : { remoteDigest }) }];
}

/** `repository@digest` of an entry with a name. */
export function repoDigestOf({ name, descriptor, remoteDigest }: IndexEntry): string | undefined {
  if (name === undefined || name.includes("@")) return name;
  return `${repositoryOf(parseReference(name))}@${remoteDigest ?? descriptor.digest}`;
}

/** How an entry is written in index.json, and read from it. */
export function toIndexDescriptor({ name, descriptor, remoteDigest }: IndexEntry): Descriptor {
  if (name === undefined) return bare(descriptor);
  const remote = remoteDigest === undefined ? {} : { [REMOTE_DIGEST_ANNOTATION]: remoteDigest };
  return { ...bare(descriptor), annotations: { [NAME_ANNOTATION]: name, [REF_NAME_ANNOTATION]: name, ...remote } };
}

export function toIndexEntry(descriptor: Descriptor): IndexEntry {
  const name = descriptor.annotations?.[NAME_ANNOTATION] ?? descriptor.annotations?.[REF_NAME_ANNOTATION];
  const remoteDigest = descriptor.annotations?.[REMOTE_DIGEST_ANNOTATION];
  return {
    ...(name === undefined ? {} : { name }),
    descriptor: bare(descriptor),
    ...(remoteDigest === undefined ? {} : { remoteDigest }),
  };
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function withName(image: Image, entry: IndexEntry): Image {
  const repoDigest = repoDigestOf(entry);
  if (entry.name === undefined || repoDigest === undefined) return image;
  const isNew = !image.repoDigests.includes(repoDigest);
  return {
    ...image,
    repoTags: entry.name.includes("@") ? image.repoTags : [...image.repoTags, entry.name],
    repoDigests: isNew ? [...image.repoDigests, repoDigest] : image.repoDigests,
  };
}

function imageOf({ descriptor, manifest, config }: StoredManifest): Image {
  const blobs = new Map([descriptor, manifest.config, ...manifest.layers].map((one) => [one.digest, one.size]));
  const createdMs = Date.parse(config.created);
  return {
    id: manifest.config.digest,
    repoTags: [],
    repoDigests: [],
    sizeBytes: [...blobs.values()].reduce((sum, size) => sum + size, 0),
    createdMs: Number.isNaN(createdMs) ? 0 : Math.max(0, createdMs),
    architecture: config.architecture,
    os: config.os,
    config: imageConfigOf(config.config),
    manifestDigest: descriptor.digest,
    diffIds: config.diffIds,
  };
}

/** The part of an image's configuration that the runtime uses (OCI image specification, config.md). */
function imageConfigOf(config: Readonly<Record<string, unknown>>): ImageConfig {
  const stopSignal = textOf(config["StopSignal"]);
  return {
    entrypoint: textList(config["Entrypoint"]),
    cmd: textList(config["Cmd"]),
    env: textList(config["Env"]),
    workingDir: textOf(config["WorkingDir"]),
    user: textOf(config["User"]),
    exposedPorts: Object.keys((config["ExposedPorts"] ?? {}) as object),
    labels: textsOf((config["Labels"] ?? {}) as Record<string, unknown>),
    ...(stopSignal === "" ? {} : { stopSignal }),
  };
}

function textList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
