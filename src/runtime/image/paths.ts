/**
 * Where images are on the disk, all below one root:
 *
 *     images/oci-layout, images/index.json, images/blobs/sha256/<hex>   an OCI image layout, names in annotations
 *     images/pulled.json                                                which images were pulled for Pods, and with what
 *     images/tmp/…                                                      content that is coming in
 *     images/partial/<hex>                                              blobs of which a part is here, to be gone on with
 *     layers/<hex of the diffID>/{diff,layer.json}                      unpacked; there = complete and verified
 *     layers/tmp/…                                                      layers that are being unpacked
 *     layers/empty                                                      the lower directory of an image without layers
 */
import { join } from "node:path";

import { hexOf } from "../../oci/image-format.ts";

export interface ImagePaths {
  readonly images: string;
  readonly layout: string;
  readonly index: string;
  readonly pullRecords: string;
  readonly blobs: string;
  readonly incoming: string;
  readonly partials: string;
  readonly layers: string;
  readonly unpacking: string;
  readonly emptyLayer: string;
  blob(digest: string): string;
  partial(digest: string): string;
  /** The folder of an unpacked layer. */
  layer(diffId: string): string;
}

/** Milliseconds for syncing or removing a big layer on a slow disk. */
export const DISK_TIMEOUT_MS = 30 * 60_000;

/** What is in a layer's folder. */
export const LAYER_FILES = { diff: "diff", facts: "layer.json" } as const;

export function imagePaths(root: string): ImagePaths {
  const images = join(root, "images");
  const layers = join(root, "layers");
  const blobs = join(images, "blobs/sha256");
  return {
    images,
    layout: join(images, "oci-layout"),
    index: join(images, "index.json"),
    pullRecords: join(images, "pulled.json"),
    blobs,
    incoming: join(images, "tmp"),
    partials: join(images, "partial"),
    layers,
    unpacking: join(layers, "tmp"),
    emptyLayer: join(layers, "empty"),
    blob: (digest) => join(blobs, hexOf(digest)),
    partial: (digest) => join(images, "partial", hexOf(digest)),
    layer: (diffId) => join(layers, hexOf(diffId)),
  };
}
