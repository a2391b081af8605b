/** Undoing what belongs to no sandbox any more: after a crash, or a sandbox that went without a word. */
import { messageOf } from "../../base/errors.ts";
import { gcChain, WITH_GC } from "./chain.ts";
import { disconnect } from "./disconnect.ts";
import { leasesDirectory } from "./embedded-network.ts";
import { releaseLeases } from "./leases.ts";
import { versionAtLeast, type NetworkConfig } from "./network-config.ts";
import type { NetworkParts } from "./parts.ts";

/** `config` is the user's network, whose plugins are asked to clean up too where they can; absent: the embedded one. */
export async function collectGarbage(
  parts: NetworkParts,
  validSandboxIds: readonly string[],
  config: NetworkConfig | undefined,
): Promise<void> {
  const { instance, log } = parts;
  const valid = new Set(validSandboxIds);
  for (const record of await parts.records.list()) {
    const { sandboxId } = record.attachment;
    if (valid.has(sandboxId)) continue;
    log.info({ sandboxId }, "removing the network of a sandbox that is gone");
    await disconnect(parts, record, false).catch((error: unknown) => {
      log.warn({ sandboxId, error: messageOf(error) }, "network could not be removed");
    });
  }
  const released = await releaseLeases(leasesDirectory(instance), (sandboxId) => !valid.has(sandboxId));
  if (released.length > 0) log.info({ addresses: released }, "gave back the addresses of sandboxes that are gone");
  if (config && !config.disableGC && versionAtLeast(config.cniVersion, WITH_GC)) {
    await gcChain(parts.plugins, config, validSandboxIds);
  }
}
