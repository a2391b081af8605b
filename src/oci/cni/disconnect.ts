/** Undoing what a record says was done for a sandbox. */
import { statfs } from "node:fs/promises";

import { publishedPorts } from "./attachment.ts";
import { delChain } from "./chain.ts";
import { leasesDirectory } from "./embedded-network.ts";
import { removeHostPortRules } from "./host-port-rules.ts";
import { releaseAddresses, releaseLeases } from "./leases.ts";
import type { NetworkParts } from "./parts.ts";
import type { NetworkRecord } from "./records.ts";
import { networkResult } from "./result.ts";

/** f_type of a namespace file (NSFS_MAGIC of linux/magic.h). */
const NSFS_MAGIC = 0x6e736673;

/**
 * Removes addresses, host ports and the record. With the embedded network the interface is left to the kernel, which
 * removes it with its namespace at no cost to us, where the plugin bridge would wait for it; `withInterface` runs every
 * plugin instead. Idempotent; the namespace may be gone. On a failure the record stays, for another try.
 */
export async function disconnect(parts: NetworkParts, record: NetworkRecord, withInterface: boolean): Promise<void> {
  using _ = await parts.chains.acquire();
  const { sandboxId, netnsPath } = record.attachment;
  const attachment = { ...record.attachment, netnsPath: (await isNamespace(netnsPath)) ? netnsPath : "" };
  if (record.embedded && !withInterface) await disconnectEmbedded(parts, { ...record, attachment });
  else await delChain(parts.plugins, record.config, attachment, record.result);
  await parts.records.remove(sandboxId);
  parts.ports.release(sandboxId);
}

async function disconnectEmbedded(parts: NetworkParts, record: NetworkRecord): Promise<void> {
  const { attachment, config, result } = record;
  const published = publishedPorts(attachment).length > 0;
  if (published && !(await removeHostPortRules(parts.process, attachment.sandboxId))) {
    const portmap = config.plugins.filter((plugin) => plugin.type === "portmap");
    await delChain(parts.plugins, { ...config, plugins: portmap }, attachment, result);
  }
  const directory = leasesDirectory(parts.instance);
  if (result) await releaseAddresses(directory, attachment.sandboxId, networkResult(result, config.name).ips);
  else await releaseLeases(directory, (owner) => owner === attachment.sandboxId);
}

/** Whether `path` is a namespace file, and not the plain file that an unpinned one leaves, or nothing. */
async function isNamespace(path: string): Promise<boolean> {
  const stat = await statfs(path).catch(() => undefined);
  return stat?.type === NSFS_MAGIC;
}
