/** `diskUsage`: what each part of the store takes, and what nothing needs. Layers tell what they hold; nothing is walked. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import type { DiskUsage, DiskUsageRow } from "../image.ts";
import type { Content } from "./content.ts";
import { readFacts } from "./layer-facts.ts";

export async function diskUsage(content: Content, inUse: ReadonlySet<string>): Promise<DiskUsage> {
  const { catalog, paths } = content;
  const needed = new Set<string>();
  for (const image of catalog.images.filter(({ id }) => inUse.has(id))) {
    const { descriptor, manifest, config } = catalog.manifestOf(image);
    const blobs = [descriptor, manifest.config, ...manifest.layers].map(({ digest }) => paths.blob(digest));
    for (const path of [...blobs, ...config.diffIds.map((diffId) => paths.layer(diffId))]) needed.add(basename(path));
  }
  const blobs = await filesOf(paths.blobs);
  const layers = await Promise.all(
    (await content.unpackedLayers()).map(async (folder) => ({
      name: basename(folder),
      bytes: (await readFacts(folder))?.bytes ?? 0,
    })),
  );
  const partial = await filesOf(paths.partials);
  const total = (files: readonly Sized[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);
  const rowOf = (type: DiskUsageRow["type"], files: readonly Sized[]): DiskUsageRow => {
    const active = files.filter(({ name }) => needed.has(name));
    const sizeBytes = total(files);
    return { type, total: files.length, active: active.length, sizeBytes, reclaimableBytes: sizeBytes - total(active) };
  };
  return {
    images: { total: catalog.images.length, active: catalog.images.filter(({ id }) => inUse.has(id)).length },
    rows: [rowOf("blobs", blobs), rowOf("layers", layers), rowOf("partial", partial)],
  };
}

interface Sized {
  readonly name: string;
  readonly bytes: number;
}

async function filesOf(folder: string): Promise<readonly Sized[]> {
  const names = await readdir(folder);
  return await Promise.all(
    names.map(async (name) => ({ name, bytes: (await stat(join(folder, name)).catch(() => ({ size: 0 }))).size })),
  );
}
