/**
 * The store's content on disk. Whoever changes the index holds the lock of {@link Content.change}; blobs come into the
 * store inside of it, or under a {@link Content.hold}, so that no cleaning takes them before a name needs them.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { MinkeError, messageOf } from "../../base/errors.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Logger } from "../../base/logger.ts";
import { atomicWrite, readIfExists } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { type Descriptor, MEDIA_TYPES, digestOf, readConfig, readIndex, readManifest } from "../../oci/image-format.ts";
import { Catalog, type IndexEntry, type StoredManifest, toIndexDescriptor, toIndexEntry } from "./catalog.ts";
import { currentBoot, readFacts, settleInBackground } from "./layer-facts.ts";
import { DISK_TIMEOUT_MS, type ImagePaths } from "./paths.ts";

export class Content {
  readonly paths: ImagePaths;
  readonly catalog = new Catalog();
  readonly #host: Pick<Host, "process">;
  readonly #lock = new KeyedLock();
  /** Digests of blobs and layers that a pull needs, and how many need them; {@link sweep} leaves them alone. */
  readonly #held = new Map<string, number>();
  /** Folders in a tmp folder that wait for their removal. */
  #doomed: string[] = [];

  constructor(host: Pick<Host, "process">, paths: ImagePaths) {
    this.#host = host;
    this.paths = paths;
  }

  /** Makes the folders, removes what an interrupted operation left, and reads the index. */
  async open(log: Logger): Promise<void> {
    const { paths } = this;
    await this.discard([paths.incoming, paths.unpacking]);
    await mkdir(paths.layers, { recursive: true, mode: 0o700 });
    await mkdir(paths.emptyLayer, { recursive: true, mode: 0o755 });
    await mkdir(paths.images, { recursive: true, mode: 0o700 });
    for (const folder of [paths.blobs, paths.incoming, paths.partials, paths.unpacking])
      await mkdir(folder, { recursive: true });
    await this.#checkLayers(log);
    if ((await readIfExists(paths.layout)) === undefined) {
      await atomicWrite(paths.layout, JSON.stringify({ imageLayoutVersion: "1.0.0" }), { mode: 0o644, durable: true });
    }
    const text = await readIfExists(paths.index);
    const entries = text === undefined ? [] : readIndex(text, paths.index).map(toIndexEntry);
    const manifests = new Map<string, StoredManifest>();
    for (const { name, descriptor } of entries) {
      try {
        manifests.set(descriptor.digest, await this.readStored(descriptor));
      } catch (error) {
        log.warn(
          { image: name ?? descriptor.digest, error: messageOf(error) },
          "An image can not be read and is left out; load or import it again",
        );
      }
    }
    this.catalog.replace(entries, manifests);
  }

  /** Reads a manifest and its configuration, checking their digests. */
  async readStored(descriptor: Descriptor): Promise<StoredManifest> {
    const manifest = readManifest(await this.#document(descriptor), `manifest ${descriptor.digest}`);
    const config = readConfig(await this.#document(manifest.config), `configuration ${manifest.config.digest}`);
    if (config.diffIds.length !== manifest.layers.length) {
      throw new MinkeError(
        "InvalidArgument",
        `Cannot read manifest ${descriptor.digest}: it has ${manifest.layers.length} layers, and its configuration ${config.diffIds.length}`,
      );
    }
    return { descriptor, manifest, config };
  }

  async #document({ digest }: Descriptor): Promise<string> {
    const path = this.paths.blob(digest);
    const data = await readFile(path);
    if (digestOf(data) !== digest) {
      throw new MinkeError("FailedPrecondition", `Cannot read ${path}: its content does not have digest ${digest}`);
    }
    return data.toString("utf8");
  }

  /** A name for something new in one of the tmp folders. */
  temporary(folder: string): string {
    return join(folder, randomUUID());
  }

  /** Keeps blobs and layers, of which some may not be there yet, from being swept, until disposed. */
  hold(digests: readonly string[]): Disposable {
    for (const digest of digests) this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const digest of digests) {
          const left = this.#held.get(digest)! - 1;
          if (left > 0) this.#held.set(digest, left);
          else this.#held.delete(digest);
        }
      },
    };
  }

  /** One change at a time of blobs and index. */
  async change<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await this.#lock.run("index", task);
    } finally {
      await this.discard(this.#doomed.splice(0));
    }
  }

  /** Removes folders with all that is in them. One program: tens of thousands of files are no work for the event loop. */
  async discard(folders: readonly string[]): Promise<void> {
    if (folders.length === 0) return;
    const { code, stderr } = await this.#host.process.run({
      argv: ["rm", "-rf", "--", ...folders],
      timeoutMs: DISK_TIMEOUT_MS,
    });
    if (code !== 0) throw new MinkeError("Internal", `Cannot remove ${folders.join(", ")}: ${stderr.trim()}`);
  }

  /** Inside {@link change}: makes a blob of a small document. A blob that is there is replaced, which mends a damaged one. */
  async putData(digest: string, data: Uint8Array): Promise<void> {
    await atomicWrite(this.paths.blob(digest), data, { mode: 0o644, durable: true });
  }

  /** Inside {@link change} or a {@link hold}: moves a file, whose digest has been checked, into the store. */
  async putFile(digest: string, path: string): Promise<void> {
    await rename(path, this.paths.blob(digest));
  }

  /** Inside {@link change}: writes the index, then shows it. */
  async commit(entries: readonly IndexEntry[]): Promise<void> {
    const known = this.catalog.manifests;
    const manifests = new Map<string, StoredManifest>();
    for (const { descriptor } of entries) {
      const { digest } = descriptor;
      if (manifests.has(digest)) continue;
      const stored = known.get(digest) ?? (await this.readStored(descriptor).catch(() => {}));
      if (stored) manifests.set(digest, stored);
    }
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: entries.map(toIndexDescriptor) };
    await atomicWrite(this.paths.index, JSON.stringify(index, undefined, 2), { mode: 0o644, durable: true });
    this.catalog.replace(entries, manifests);
  }

  /** Inside {@link change}: removes blobs and layers that no entry needs. Returns the bytes that came free. */
  async sweep(): Promise<number> {
    const held = [...this.#held.keys()];
    const blobs = new Set(held.map((digest) => this.paths.blob(digest)));
    const layers = new Set(held.map((digest) => this.paths.layer(digest)));
    for (const { descriptor } of this.catalog.entries) {
      const stored = this.catalog.manifests.get(descriptor.digest);
      // What an entry that can not be read needs is not known; nothing is lost by waiting until it is gone.
      if (!stored) return 0;
      const { manifest, config } = stored;
      for (const { digest } of [descriptor, manifest.config, ...manifest.layers]) blobs.add(this.paths.blob(digest));
      for (const diffId of config.diffIds) layers.add(this.paths.layer(diffId));
    }
    let freed = 0;
    for (const name of await readdir(this.paths.blobs)) {
      const path = join(this.paths.blobs, name);
      if (blobs.has(path)) continue;
      freed += (await stat(path)).size;
      await rm(path, { force: true });
    }
    for (const path of await this.unpackedLayers()) {
      if (layers.has(path)) continue;
      freed += (await readFacts(path))?.bytes ?? 0;
      await this.#doom(path);
    }
    return freed;
  }

  /** Takes a layer out of sight; {@link discard} comes later: half removed, it must not be taken for a whole one. */
  async #doom(layer: string): Promise<void> {
    const doomed = this.temporary(this.paths.unpacking);
    await rename(layer, doomed);
    this.#doomed.push(doomed);
  }

  /** Settles accounts with the layers of an earlier run: those that a power cut may have damaged go. */
  async #checkLayers(log: Logger): Promise<void> {
    const boot = await currentBoot();
    for (const folder of await this.unpackedLayers()) {
      const facts = await readFacts(folder);
      if (facts?.boot === boot) settleInBackground(this.#host, log, folder);
      else if (!facts || facts.boot !== undefined) {
        log.info({ layer: folder }, "A layer that may not have reached the disk before a reboot is thrown away");
        await this.#doom(folder);
      }
    }
    await this.discard(this.#doomed.splice(0));
  }

  /** The folders of the unpacked layers. */
  async unpackedLayers(): Promise<readonly string[]> {
    const names = await readdir(this.paths.layers);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => join(this.paths.layers, name));
  }
}
