/**
 * What is known of an unpacked layer, in a file beside it; and whether it is on the disk. Syncing a big layer takes seconds
 * that no Pod should wait for. So a new layer notes in which boot it was made, and is synced in the background, which takes
 * the note away. Until then it is as good as any other, since the kernel has it in memory. Only after a power cut, in another
 * boot, a layer that still has its note may have holes: it is thrown away, and unpacked again from its blob when needed.
 */
import { join } from "node:path";

import { MinkeError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { atomicWrite, readIfExists } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { DISK_TIMEOUT_MS, LAYER_FILES } from "./paths.ts";

export interface LayerFacts {
  /** Bytes of its files. */
  readonly bytes: number;
  readonly inodes: number;
  /** The boot in which it was made, while it is not known to be on the disk. */
  readonly boot?: string;
}

export async function writeFacts(folder: string, facts: LayerFacts): Promise<void> {
  const durable = facts.boot === undefined;
  await atomicWrite(join(folder, LAYER_FILES.facts), JSON.stringify(facts), { durable });
}

/** undefined when the file is not there or not whole, as a power cut may leave it. */
export async function readFacts(folder: string): Promise<LayerFacts | undefined> {
  const text = await readIfExists(join(folder, LAYER_FILES.facts));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LayerFacts);
  } catch {
    return undefined;
  }
}

/** The kernel's name for the time since it was started. */
export async function currentBoot(): Promise<string> {
  return (await readIfExists("/proc/sys/kernel/random/boot_id"))?.trim() ?? "";
}

/**
 * Brings a layer to the disk, in the background. Node can sync single files only; coreutils' `sync` does a file system. A
 * failure costs nothing now: the note stays.
 */
export function settleInBackground(host: Pick<Host, "process">, log: Logger, folder: string): void {
  settle(host, folder).catch((error: unknown) =>
    log.debug({ layer: folder, error: messageOf(error) }, "A layer could not be synced to the disk"),
  );
}

async function settle(host: Pick<Host, "process">, folder: string): Promise<void> {
  const argv = ["sync", "--file-system", folder] as const;
  const { code, stderr } = await host.process.run({ argv, timeoutMs: DISK_TIMEOUT_MS });
  if (code !== 0) throw new MinkeError("Internal", `Cannot sync ${folder}: ${stderr.trim() || `exit code ${code}`}`);
  const facts = await readFacts(folder);
  if (facts) await writeFacts(folder, { bytes: facts.bytes, inodes: facts.inodes });
}
