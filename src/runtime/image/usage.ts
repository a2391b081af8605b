/** What images and layers take on the disk. Layers tell what they hold; nothing is walked. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Content } from "./content.ts";
import { readFacts } from "./layer-facts.ts";

export async function imageUsage(
  content: Content,
): Promise<{ readonly usedBytes: number; readonly inodesUsed: number; readonly path: string }> {
  let usedBytes = 0;
  let inodesUsed = 0;
  for (const name of await readdir(content.paths.blobs)) {
    usedBytes += (await stat(join(content.paths.blobs, name)).catch(() => ({ size: 0 }))).size;
    inodesUsed++;
  }
  for (const folder of await content.unpackedLayers()) {
    const facts = await readFacts(folder);
    usedBytes += facts?.bytes ?? 0;
    inodesUsed += facts?.inodes ?? 0;
  }
  return { usedBytes, inodesUsed, path: content.paths.images };
}
