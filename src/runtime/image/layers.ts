/** The unpacked layers of images. Each is unpacked on its own, once, and shared by all images that have it. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { MinkeError, errnoOf, isMinkeError, messageOf } from "../../base/errors.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Logger } from "../../base/logger.ts";
import { Semaphore } from "../../base/semaphore.ts";
import type { Host } from "../../host/host.ts";
import { readBlob } from "../../oci/blob-file.ts";
import { type UnpackRequest, type UnpackedLayer, unpackLayer } from "../../oci/layers.ts";
import { requirePlatform } from "../../oci/platform.ts";
import type { Image } from "../image.ts";
import type { Content } from "./content.ts";
import { currentBoot, settleInBackground, writeFacts } from "./layer-facts.ts";
import { LAYER_FILES } from "./paths.ts";

/** Layers unpacked at the same time: each keeps a core busy with digests and one with tar. */
const UNPACKS_AT_ONCE = 2;

/** An unpacked and verified layer that is not yet in its place. Disposing it removes it, unless it has been placed. */
export interface PendingLayer extends AsyncDisposable {
  readonly layer: UnpackedLayer;
  /** Puts it in its place; where another is already, that one stays. */
  place(): Promise<void>;
}

export class Layers {
  readonly #host: Pick<Host, "process">;
  readonly #log: Logger;
  readonly #content: Content;
  readonly #lock = new KeyedLock();
  readonly #turns = new Semaphore(UNPACKS_AT_ONCE);

  constructor(host: Pick<Host, "process">, log: Logger, content: Content) {
    this.#host = host;
    this.#log = log;
    this.#content = content;
  }

  /** See ImageService.layers. */
  async ensure(image: Image): Promise<readonly string[]> {
    const name = image.repoTags[0] ?? image.id;
    requirePlatform(name, image);
    const { manifest, config } = this.#content.catalog.manifestOf(image);
    if (config.diffIds.length === 0) return [this.#content.paths.emptyLayer];
    // A layer that occurs twice counts where it is topmost; overlayfs takes no directory twice.
    const topmostFirst = [...new Set(config.diffIds.toReversed())];
    return await Promise.all(
      topmostFirst.map(async (diffId) => {
        const blob = manifest.layers[config.diffIds.lastIndexOf(diffId)]!.digest;
        if (!this.has(diffId)) await this.alone(diffId, () => this.unpackStored(name, blob, diffId));
        return join(this.#content.paths.layer(diffId), LAYER_FILES.diff);
      }),
    );
  }

  /** Whether a layer is unpacked. */
  has(diffId: string): boolean {
    return existsSync(this.#content.paths.layer(diffId));
  }

  /** Does `unpack`, unless somebody else has unpacked the layer meanwhile. */
  async alone(diffId: string, unpack: () => Promise<void>): Promise<void> {
    await this.#lock.run(diffId, async () => {
      if (!this.has(diffId)) await unpack();
    });
  }

  /** Unpacks a stream, to be placed when the rest of its image is there. */
  async unpack(request: Omit<UnpackRequest, "host" | "target">): Promise<PendingLayer> {
    await using undo = new AsyncDisposableStack();
    const folder = this.#content.temporary(this.#content.paths.unpacking);
    undo.defer(async () => await rm(folder, { recursive: true, force: true }));
    await mkdir(folder);
    const layer = await unpackLayer({ ...request, host: this.#host, target: join(folder, LAYER_FILES.diff) });
    const { bytes, inodes } = layer;
    await writeFacts(folder, { bytes, inodes, boot: await currentBoot() });
    const cleanup = undo.move();
    return {
      layer,
      place: async () => {
        const target = this.#content.paths.layer(layer.diffId);
        try {
          await rename(folder, target);
          settleInBackground(this.#host, this.#log, target);
        } catch (error) {
          if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
        }
      },
      [Symbol.asyncDispose]: async () => await cleanup.disposeAsync(),
    };
  }

  /** Inside {@link alone}: unpacks a layer from its blob in the store. */
  async unpackStored(image: string, blobDigest: string, diffId: string): Promise<void> {
    using _turn = await this.#turns.acquire();
    const path = this.#content.paths.blob(blobDigest);
    try {
      await using pending = await this.unpack({ blob: readBlob(path), blobDigest, diffId });
      await pending.place();
    } catch (error) {
      throw new MinkeError(
        isMinkeError(error) ? error.code : "Internal",
        !existsSync(path)
          ? `Cannot unpack layer ${blobDigest} of image ${image}: ${path} is missing; load, import or pull the image again`
          : `Cannot unpack layer ${blobDigest} of image ${image} from ${path}: ${messageOf(error)}; if the image itself ` +
              "is sound, load, import or pull it again",
        { cause: error, reason: "CreateContainerError", details: { image, blob: blobDigest, diffId, path } },
      );
    }
  }
}
