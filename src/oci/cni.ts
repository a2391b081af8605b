/**
 * Pod networking through CNI plugins: a client for the user's own configuration, and an embedded network for everyone else.
 *
 * A sandbox is connected by {@link Network.add} and disconnected by {@link Network.del}; both may be repeated. What was done
 * is recorded on disk before it is done, so a daemon that dies in between can undo it (`del`, or `gc` at the next start).
 */
import { mkdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";

import { errnoOf, MinkeError, messageOf } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { Logger } from "../base/logger.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Host } from "../host/host.ts";
import { DEFAULT_INSTANCE, type Instance } from "../host/instance.ts";
import { publishedPorts, type HostPortMapping, type NetworkAttachment, type NetworkResult } from "./cni/attachment.ts";
import { addChain, checkChain, delChain, gcChain, WITH_GC } from "./cni/chain.ts";
import { EMBEDDED_PLUGINS, embeddedNetwork, leasesDirectory } from "./cni/embedded-network.ts";
import { createFirewall } from "./cni/firewall.ts";
import { hasHostPortRules, removeHostPortRules } from "./cni/host-port-rules.ts";
import { createHostPorts } from "./cni/host-ports.ts";
import { releaseAddresses, releaseLeases } from "./cni/leases.ts";
import { loadNetworkConfig, versionAtLeast, type NetworkConfig } from "./cni/network-config.ts";
import { once } from "./cni/once.ts";
import { createPlugins, DEFAULT_BIN_DIRS, missingPlugin } from "./cni/plugins.ts";
import { createNetworkRecords, type NetworkRecord } from "./cni/records.ts";
import { networkResult, type CniResult } from "./cni/result.ts";
import { formatSubnet, stableSubnet, type Subnet } from "./cni/subnet.ts";

export type { HostPortMapping, NetworkAttachment, NetworkResult } from "./cni/attachment.ts";

/** Plugins' chains that run at the same time; more only wait for the kernel's one lock of network interfaces. */
const CHAINS_MAX = 4;
/** f_type of a namespace file (NSFS_MAGIC of linux/magic.h). */
const NSFS_MAGIC = 0x6e736673;
const IP_FORWARD = "/proc/sys/net/ipv4/ip_forward";

export interface NetworkOptions {
  readonly host: Pick<Host, "process">;
  readonly instance: Instance;
  /** Directory of CNI configurations; absent, or without a configuration in it: the embedded network. */
  readonly confDir?: string;
  /** Where plugins are looked for; default {@link DEFAULT_BIN_DIRS}. */
  readonly binDirs?: readonly string[];
  readonly log: Logger;
}

export interface Network {
  /**
   * Does what is done once per node: subnet, IP forwarding, firewall rules, the host ports of recorded sandboxes. `add` does
   * it when it was not called. Rejects with `FailedPrecondition` when the host lacks something.
   */
  prepare(): Promise<void>;
  /** Whether a Pod could be connected now; the message says what is missing. Never rejects. */
  ready(): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>;
  /** Connects a sandbox; one that is connected is connected anew. On a failure nothing of it stays. Errors have the reason `CreatePodSandboxError`. */
  add(attachment: NetworkAttachment, signal?: AbortSignal): Promise<NetworkResult>;
  /** What `add` gave this sandbox; undefined when it is not connected. */
  result(sandboxId: string): Promise<NetworkResult | undefined>;
  /**
   * Disconnects a sandbox: gives back its addresses and host ports. Idempotent, and the namespace may be gone. With the
   * embedded network the interface itself goes with the namespace, which the caller unpins next.
   */
  del(attachment: NetworkAttachment): Promise<void>;
  /** Rejects with `NotFound` when the sandbox is not connected, and with the plugin's error when its network is damaged. */
  check(attachment: NetworkAttachment): Promise<void>;
  /** Undoes what belongs to no sandbox in `validSandboxIds`. Must not run beside an `add` of one that is not in it. */
  gc(validSandboxIds: readonly string[]): Promise<void>;
  /** Removes all that this instance made on the host: attachments, bridge, firewall rules, subnet. */
  teardown(): Promise<void>;
}

export function createNetwork(options: NetworkOptions): Network {
  const { instance, log } = options;
  const { process } = options.host;
  const binDirs = options.binDirs ?? DEFAULT_BIN_DIRS;
  const plugins = createPlugins(process, binDirs);
  const records = createNetworkRecords(join(instance.state, "cni", "results"));
  const ports = createHostPorts(process);
  const firewall = createFirewall(process, instance);
  const subnetFile = join(instance.root, "network.json");
  const sandboxes = new KeyedLock();
  const chains = new Semaphore(CHAINS_MAX);

  const userConfig = async (): Promise<NetworkConfig | undefined> =>
    options.confDir === undefined ? undefined : await loadNetworkConfig(options.confDir);

  const restorePorts = once(async () => {
    for (const { attachment } of await records.list()) ports.reserve(attachment.sandboxId, publishedPorts(attachment));
  });

  const prepareEmbedded = once(async (): Promise<Subnet> => {
    await mkdir(instance.root, { recursive: true });
    const isDefault = instance.name === DEFAULT_INSTANCE;
    const subnet = await stableSubnet({
      file: subnetFile,
      bridge: instance.bridge,
      instance: { hash: instance.hash, isDefault },
    });
    await enableForwarding();
    await firewall.ensure(formatSubnet(subnet));
    return subnet;
  });

  /** The network that a new sandbox gets. */
  const currentConfig = async (withPorts: boolean): Promise<Pick<NetworkRecord, "config" | "embedded">> => {
    const user = await userConfig();
    if (user) return { config: user, embedded: false };
    return { config: embeddedNetwork(instance, await prepareEmbedded(), withPorts), embedded: true };
  };

  const undo = async (record: NetworkRecord, complete: boolean): Promise<void> => {
    const { attachment, config, embedded, result } = record;
    using _ = await chains.acquire();
    const netnsPath = (await isNamespace(attachment.netnsPath)) ? attachment.netnsPath : "";
    if (embedded && !complete) await undoEmbedded({ ...record, attachment: { ...attachment, netnsPath } });
    else await delChain(plugins, config, { ...attachment, netnsPath }, result);
    await records.remove(attachment.sandboxId);
    ports.release(attachment.sandboxId);
  };

  /** The kernel removes the interface with its namespace, at no cost to us; the plugin bridge would wait for it. */
  const undoEmbedded = async (record: NetworkRecord): Promise<void> => {
    const { attachment, config, result } = record;
    const published = publishedPorts(attachment).length > 0;
    if (published && !(await removeHostPortRules(process, attachment.sandboxId))) {
      const portmap = config.plugins.filter((plugin) => plugin.type === "portmap");
      await delChain(plugins, { ...config, plugins: portmap }, attachment, result);
    }
    await releaseRecordedLeases(record);
  };

  const releaseRecordedLeases = async ({ attachment, config, result }: NetworkRecord): Promise<void> => {
    const { sandboxId } = attachment;
    const directory = leasesDirectory(instance);
    if (result) await releaseAddresses(directory, sandboxId, networkResult(result, config.name).ips);
    else await releaseLeases(directory, (owner) => owner === sandboxId);
  };

  const add = async (attachment: NetworkAttachment, signal?: AbortSignal): Promise<NetworkResult> => {
    const { sandboxId } = attachment;
    const published = publishedPorts(attachment);
    const current = await currentConfig(published.length > 0);
    if (current.embedded) refuseIpv6(published);
    await restorePorts();
    const before = await records.read(sandboxId);
    if (before) await undo(before, true);
    ports.reserve(sandboxId, published);
    let record: NetworkRecord | undefined;
    try {
      if (published.length > 0) await ports.probe(published);
      record = { version: 1, attachment, ...current };
      await records.write(record);
      using _ = await chains.acquire();
      const result = await addChain(plugins, current.config, attachment, signal);
      const told = networkResult(result, current.config.name);
      await records.write((record = { ...record, result }));
      return told;
    } catch (error) {
      if (record) await rollback(record);
      else ports.release(sandboxId);
      throw error;
    }
  };

  /** After a failed ADD the specification asks for a DEL of every plugin. What fails here is left to `gc`. */
  const rollback = async (record: NetworkRecord): Promise<void> => {
    await undo(record, true).catch((error: unknown) => {
      log.warn({ sandboxId: record.attachment.sandboxId, error: messageOf(error) }, "network could not be taken back");
    });
  };

  const del = async (attachment: NetworkAttachment): Promise<void> => {
    const record = await records.read(attachment.sandboxId);
    if (record) return await undo(record, false);
    // The record went with a reboot, but plugins of the user's choice may keep theirs where a reboot does not reach.
    const config = await userConfig();
    if (config) await undo({ version: 1, attachment, config, embedded: false }, false);
  };

  const check = async ({ attachment, config, embedded }: NetworkRecord, result: CniResult): Promise<void> => {
    if (!embedded) return await checkChain(plugins, config, attachment, result);
    const bridge = config.plugins.filter((plugin) => plugin.type !== "portmap");
    await checkChain(plugins, { ...config, plugins: bridge }, attachment, result);
    const published = publishedPorts(attachment).length > 0;
    if (published && !(await hasHostPortRules(process, attachment.sandboxId))) throw portsLost(attachment.sandboxId);
  };

  const gc = async (validSandboxIds: readonly string[]): Promise<void> => {
    const valid = new Set(validSandboxIds);
    for (const record of await records.list()) {
      if (valid.has(record.attachment.sandboxId)) continue;
      log.info({ sandboxId: record.attachment.sandboxId }, "removing the network of a sandbox that is gone");
      await undo(record, false).catch((error: unknown) => {
        log.warn({ sandboxId: record.attachment.sandboxId, error: messageOf(error) }, "network could not be removed");
      });
    }
    const released = await releaseLeases(leasesDirectory(instance), (sandboxId) => !valid.has(sandboxId));
    if (released.length > 0) log.info({ addresses: released }, "gave back the addresses of sandboxes that are gone");
    const config = await userConfig();
    if (config && !config.disableGC && versionAtLeast(config.cniVersion, WITH_GC)) {
      await gcChain(plugins, config, validSandboxIds);
    }
  };

  const ready = async (): ReturnType<Network["ready"]> => {
    try {
      const config = await userConfig();
      const needed = config ? config.plugins.map((plugin) => plugin.type) : EMBEDDED_PLUGINS;
      for (const type of needed) {
        if ((await plugins.find(type)) === undefined) return { ok: false, message: missingPlugin(type, binDirs) };
      }
      if (!config) await prepareEmbedded();
      return { ok: true };
    } catch (error) {
      return { ok: false, message: messageOf(error) };
    }
  };

  return {
    prepare: async () => {
      if (!(await userConfig())) await prepareEmbedded();
      await restorePorts();
    },
    ready,
    add: (attachment, signal) => sandboxes.run(attachment.sandboxId, () => add(attachment, signal)),
    result: async (sandboxId) => {
      const record = await records.read(sandboxId);
      return record?.result ? networkResult(record.result, record.config.name) : undefined;
    },
    del: (attachment) => sandboxes.run(attachment.sandboxId, () => del(attachment)),
    check: async (attachment) => {
      const record = await records.read(attachment.sandboxId);
      if (!record?.result) throw notConnected(attachment.sandboxId);
      await check(record, record.result);
    },
    gc,
    teardown: async () => {
      await gc([]);
      await process.run({ argv: ["ip", "link", "delete", instance.bridge] });
      await firewall.remove();
      prepareEmbedded.forget();
      await records.clear();
      await rm(join(instance.state, "cni"), { recursive: true, force: true });
      await rm(subnetFile, { force: true });
    },
  };
}

async function enableForwarding(): Promise<void> {
  if ((await readFile(IP_FORWARD, "utf8")).trim() === "1") return;
  await writeFile(IP_FORWARD, "1").catch((error: unknown) => {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot connect Pods to other networks: ${IP_FORWARD} is 0 and can not be written (${errnoOf(error)}); ` +
        "run `sysctl -w net.ipv4.ip_forward=1` on the host",
      { reason: "CreatePodSandboxError", cause: error },
    );
  });
}

/** Whether `path` is a namespace file, and not the plain file that an unpinned one leaves, or nothing. */
async function isNamespace(path: string): Promise<boolean> {
  const stat = await statfs(path).catch(() => undefined);
  return stat?.type === NSFS_MAGIC;
}

function refuseIpv6(published: readonly HostPortMapping[]): void {
  const ipv6 = published.find((port) => isIPv6(port.hostIp));
  if (!ipv6) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot publish host port ${ipv6.hostPort} on hostIP "${ipv6.hostIp}": the embedded network has IPv4 only; ` +
      "use an IPv4 hostIP, or give a CNI configuration with IPv6",
    { reason: "CreatePodSandboxError", details: { field: "ports[].hostIP", value: ipv6.hostIp } },
  );
}

function portsLost(sandboxId: string): MinkeError {
  return new MinkeError(
    "FailedPrecondition",
    `Cannot reach the host ports of sandbox ${sandboxId.slice(0, 12)}: their firewall rules are gone; run the sandbox again`,
    { details: { sandboxId } },
  );
}

function notConnected(sandboxId: string): MinkeError {
  return new MinkeError(
    "NotFound",
    `Cannot check the network of sandbox ${sandboxId.slice(0, 12)}: it is not connected; run the sandbox again`,
    { details: { sandboxId } },
  );
}
