/**
 * `verify`: whether the store still holds what it says. Every blob is read and digested, every layer's uncompressed stream
 * too, and every unpacked layer must have its facts. What is in an unpacked layer's files is not compared: they are written by root
 * on this machine only.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";

import { messageOf } from "../../base/errors.ts";
import { readBlob } from "../../oci/blob-file.ts";
import { decompress } from "../../oci/compression.ts";
import type { Image, VerifiedImage } from "../image.ts";
import type { Content } from "./content.ts";
import { readFacts } from "./layer-facts.ts";
import { notFound } from "./not-found.ts";

/** Checks one image, or all. A blob that several images share is read once. */
export async function verifyImages(
  content: Content,
  reference: string | undefined,
  signal?: AbortSignal,
): Promise<readonly VerifiedImage[]> {
  const images = reference === undefined ? content.catalog.images : [content.catalog.find(reference)];
  const checked = new Map<string, Promise<readonly string[]>>();
  const once = async (key: string, check: () => Promise<readonly string[]>): Promise<readonly string[]> => {
    const running = checked.get(key) ?? check();
    checked.set(key, running);
    return await running;
  };
  const results: VerifiedImage[] = [];
  for (const image of images) {
    if (!image) throw notFound("verify", reference ?? "");
    results.push(await verifyImage(content, image, once, signal));
  }
  return reference === undefined ? [...results, ...unreadable(content)] : results;
}

/** What stands in the index and was left out when the store was opened. */
function unreadable({ catalog }: Content): readonly VerifiedImage[] {
  const left = catalog.entries.filter(({ descriptor }) => !catalog.manifests.has(descriptor.digest));
  return left.map(({ name, descriptor }) => ({
    id: descriptor.digest,
    names: name === undefined ? [] : [name],
    problems: [`manifest ${descriptor.digest} or its configuration can not be read`],
  }));
}

async function verifyImage(
  content: Content,
  image: Image,
  once: (key: string, check: () => Promise<readonly string[]>) => Promise<readonly string[]>,
  signal: AbortSignal | undefined,
): Promise<VerifiedImage> {
  const { descriptor, manifest, config } = content.catalog.manifestOf(image);
  using _held = content.hold([descriptor, manifest.config, ...manifest.layers].map(({ digest }) => digest));
  const problems: string[] = [];
  for (const { digest } of [descriptor, manifest.config]) {
    problems.push(...(await once(digest, () => checkBlob(content, digest, undefined, signal))));
  }
  for (const [i, { digest }] of manifest.layers.entries()) {
    const diffId = config.diffIds[i]!;
    problems.push(...(await once(`${digest} ${diffId}`, () => checkBlob(content, digest, diffId, signal))));
    problems.push(...(await once(diffId, () => checkUnpacked(content, diffId))));
  }
  return { id: image.id, names: content.catalog.namesOf(image), problems: [...new Set(problems)] };
}

async function checkBlob(
  content: Content,
  digest: string,
  diffId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const path = content.paths.blob(digest);
  if (!existsSync(path)) return [`blob ${digest} is missing`];
  const hash = createHash("sha256");
  try {
    const blob = readBlob(path, digest);
    for await (const chunk of diffId === undefined ? blob : (await decompress(blob)).content) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
  } catch (error) {
    signal?.throwIfAborted();
    return [`blob ${digest} is damaged: ${messageOf(error)}`];
  }
  const actual = `sha256:${hash.digest("hex")}`;
  return diffId === undefined || actual === diffId
    ? []
    : [`blob ${digest} unpacks to content with digest ${actual}, not ${diffId}`];
}

async function checkUnpacked(content: Content, diffId: string): Promise<readonly string[]> {
  const folder = content.paths.layer(diffId);
  if (!existsSync(folder) || (await readFacts(folder))) return [];
  return [`unpacked layer ${diffId} has no readable facts in ${folder}`];
}
