/** GET storebackup: the whole store as one file, consistent while the node works. Only who may do everything can read it. */
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import type { RequestContext } from "../context.ts";
import { startStream } from "../respond.ts";

export async function sendStoreBackup(context: RequestContext): Promise<void> {
  const { node, signal } = context;
  // Beside the store: what is in it must not lie where others can read.
  const folder = await mkdtemp(join(node.scratch, ".backup."));
  try {
    const file = join(folder, "store.db");
    await node.store.backup(file);
    await pipeline(createReadStream(file), startStream(context, "application/vnd.sqlite3"), { signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
