/**
 * `collect`: gives disk space back before there is none, by the kubelet's rules (pkg/kubelet/images/image_gc_manager.go): from
 * the high threshold on, images that nothing uses go, the one unused longest first, until the low threshold is reached; and those
 * that have been unused for longer than the maximum age go in any case. Only
 * such as a registry can give again: what was imported, loaded or named here may be all that there is of it.
 * Downloads that broke off and were not gone on with go whatever the disk has.
 */
import { readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import type { CollectOptions, Collected } from "../image.ts";
import type { Content } from "./content.ts";
import { type ImagesInUse, removeUnused } from "./remove.ts";

/** Milliseconds that a broken download is kept. */
const PARTIAL_AGE_MAX_MS = 24 * 3_600_000;

/** When images came or were used last, as far as this process knows; the others count as used when it began. */
export class ImageUse {
  readonly #clock: Clock;
  readonly #beginMs: number;
  readonly #lastMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beginMs = clock.now();
  }

  /** Notes that an image came, or is used. */
  note(id: string): void {
    this.#lastMs.set(id, this.#clock.now());
  }

  /** Milliseconds since the epoch. */
  lastMs(id: string): number {
    return this.#lastMs.get(id) ?? this.#beginMs;
  }
}

export interface CollectParts {
  readonly content: Content;
  readonly use: ImageUse;
  readonly clock: Clock;
  /** The images that containers are made of; asked again before each removal. */
  readonly inUse: ImagesInUse;
}

export async function collectImages(parts: CollectParts, options: CollectOptions): Promise<Collected> {
  const { content, use, clock, inUse } = parts;
  await removeOldPartials(parts);
  const removed: string[] = [];
  const { maxAgeMs, minAgeMs } = options;
  let disk = await diskOf(content.paths.images);
  const isFull = disk.usedPercent >= options.highPercent;
  if (!isFull && maxAgeMs === 0) return { ...disk, removed, isEnough: true };
  const named = await options.inUse();
  for (const id of new Set([...named, ...(await inUse())])) use.note(id);
  const ageOf = (id: string): number => clock.now() - use.lastMs(id);
  const unused = content.catalog.images
    .filter((image) => content.catalog.isFromRegistry(image))
    .filter(({ id }) => !named.has(id) && ageOf(id) >= minAgeMs)
    .toSorted((a, b) => use.lastMs(a.id) - use.lastMs(b.id));
  for (const { id } of unused) {
    const isOld = maxAgeMs > 0 && ageOf(id) > maxAgeMs;
    if (!isOld && !(isFull && disk.usedPercent > options.lowPercent)) break;
    const busy = async (): Promise<boolean> => (await inUse()).has(id) || (await options.inUse()).has(id);
    removed.push(...(await removeUnused(content, id, busy)));
    disk = await diskOf(content.paths.images);
  }
  return { ...disk, removed, isEnough: !isFull || disk.usedPercent <= options.lowPercent };
}

async function diskOf(folder: string): Promise<{ readonly usedPercent: number }> {
  const { blocks, bavail } = await statfs(folder);
  return { usedPercent: blocks === 0 ? 0 : 100 - (100 * bavail) / blocks };
}

/** A download that goes on has been written to a moment ago. */
async function removeOldPartials({ content, clock }: CollectParts): Promise<void> {
  for (const name of await readdir(content.paths.partials)) {
    const path = join(content.paths.partials, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (clock.now() - mtimeMs > PARTIAL_AGE_MAX_MS) await rm(path, { force: true });
  }
}
