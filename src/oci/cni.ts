/**
 * Pod networking through CNI plugins: a client for the user's own configuration, and an embedded network for everyone else.
 *
 * A sandbox is connected by {@link Network.add} and disconnected by {@link Network.del}; both may be repeated. What was done
 * is recorded on disk before it is done, so a daemon that dies in between can undo it (`del`, or `gc` at the next start).
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { Logger } from "../base/logger.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Host } from "../host/host.ts";
import { DEFAULT_INSTANCE, type Instance } from "../host/instance.ts";
import { publishedPorts, type NetworkAttachment, type NetworkResult } from "./cni/attachment.ts";
import { ensureBridge } from "./cni/bridge.ts";
import { checkConnection } from "./cni/check.ts";
import { collectGarbage } from "./cni/collect-garbage.ts";
import { connect, type ChosenNetwork } from "./cni/connect.ts";
import { disconnect } from "./cni/disconnect.ts";
import { EMBEDDED_PLUGINS, embeddedNetwork } from "./cni/embedded-network.ts";
import { createFirewall, type PodNetwork } from "./cni/firewall.ts";
import { enableForwarding } from "./cni/forwarding.ts";
import { createHostPorts } from "./cni/host-ports.ts";
import { loadNetworkConfig, type NetworkConfig } from "./cni/network-config.ts";
import { once } from "./cni/once.ts";
import type { NetworkParts } from "./cni/parts.ts";
import { createPlugins, DEFAULT_BIN_DIRS, missingPlugin } from "./cni/plugins.ts";
import { createNetworkRecords } from "./cni/records.ts";
import { networkResult } from "./cni/result.ts";
import { contains, formatSubnet, gatewayOf, stableSubnet, type Subnet } from "./cni/subnet.ts";

export type { HostPortMapping, NetworkAttachment, NetworkResult } from "./cni/attachment.ts";

/** Plugins' chains that run at the same time; more only wait for the kernel's one lock of network interfaces. */
const CHAINS_MAX = 4;

/** The firewall's rules are looked at when a sandbox is connected, and not more often than this, milliseconds. */
const FIREWALL_CHECK_MS = 10_000;

export interface NetworkOptions {
  readonly host: Pick<Host, "process">;
  readonly instance: Instance;
  /** Directory of CNI configurations; absent, or without a configuration in it: the embedded network. */
  readonly confDir?: string;
  /** Where plugins are looked for; default {@link DEFAULT_BIN_DIRS}. */
  readonly binDirs?: readonly string[];
  readonly log: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** The port at which Pods reach the API on {@link HostSide.gateway}, once it is known; the host's firewall lets them. */
  readonly apiPort?: Promise<number | undefined>;
}

/** The host's side of the embedded network. */
export interface HostSide {
  /** The host's own address in it, on the bridge. */
  readonly gateway: string;
  /** Whether an address is one of the network's: a Pod's, or the host's own. */
  includes(address: string): boolean;
}

export interface Network {
  /**
   * Does what is done once per node: subnet, IP forwarding, firewall rules, the host ports of recorded sandboxes. `add` does
   * it when it was not called. Rejects with `FailedPrecondition` when the host lacks something.
   */
  prepare(): Promise<void>;
  /**
   * The host's address in the embedded network, on a bridge that is there then; undefined with a configuration of the
   * user's. Rejects with `FailedPrecondition` when the bridge can not be made.
   */
  hostSide(): Promise<HostSide | undefined>;
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
  const { instance, log, binDirs = DEFAULT_BIN_DIRS, clock = systemClock } = options;
  const { process } = options.host;
  const parts: NetworkParts = {
    instance,
    process,
    log,
    plugins: createPlugins(process, binDirs),
    records: createNetworkRecords(join(instance.state, "cni", "results")),
    ports: createHostPorts(process),
    chains: new Semaphore(CHAINS_MAX),
  };
  const { records, ports } = parts;
  const firewall = createFirewall(process, instance);
  const sandboxes = new KeyedLock();

  const userConfig = async (): Promise<NetworkConfig | undefined> =>
    options.confDir === undefined ? undefined : await loadNetworkConfig(options.confDir);

  const chooseSubnet = once(() => subnetOf(instance));
  const makeBridge = once(async () => await ensureBridge(process, instance.bridge, await chooseSubnet()));

  const rulesFor = async (subnet: Subnet): Promise<PodNetwork> => {
    const apiPort = await options.apiPort;
    const about = { subnet: formatSubnet(subnet), gateway: gatewayOf(subnet) };
    return apiPort === undefined ? about : { ...about, apiPort };
  };

  let checkedAt = -Infinity;
  /** What the embedded network needs once per node. */
  const prepareEmbedded = once(async () => {
    const subnet = await chooseSubnet();
    await enableForwarding();
    // The plugin makes it as well, but not beside us. When we can not, who asked for it has been told.
    const bridge = options.apiPort && makeBridge().catch(() => {});
    await firewall.ensure(await rulesFor(subnet));
    await bridge;
    checkedAt = clock.monotonic();
    return subnet;
  });

  const restorePorts = once(async () => {
    for (const { attachment } of await records.list()) ports.reserve(attachment.sandboxId, publishedPorts(attachment));
  });

  const choose = async (attachment: NetworkAttachment): Promise<ChosenNetwork> => {
    const user = await userConfig();
    if (user) return { config: user, embedded: false };
    const published = publishedPorts(attachment).length > 0;
    return { config: embeddedNetwork(instance, await prepareEmbedded(), published), embedded: true };
  };

  /** Someone else may have flushed the rules since they were made. Beside the plugins, since nothing of them needs it. */
  const keepFirewall = async (): Promise<void> => {
    const now = clock.monotonic();
    if (now - checkedAt < FIREWALL_CHECK_MS) return;
    checkedAt = now;
    if (await firewall.intact()) return;
    log.warn({ network: instance.network }, "The firewall rules of the Pod network were gone; they are made again");
    await firewall.ensure(await rulesFor(await prepareEmbedded()));
  };

  const add = async (attachment: NetworkAttachment, signal?: AbortSignal): Promise<NetworkResult> => {
    const chosen = await choose(attachment);
    await restorePorts();
    if (!chosen.embedded) return await connect(parts, attachment, chosen, signal);
    const [result] = await Promise.all([
      connect(parts, attachment, chosen, signal),
      keepFirewall().catch((error: unknown) => log.warn({ error: messageOf(error) }, "Firewall rules not looked at")),
    ]);
    return result;
  };

  const del = async (attachment: NetworkAttachment): Promise<void> => {
    const record = await records.read(attachment.sandboxId);
    if (record) return await disconnect(parts, record, false);
    // The record went with a reboot, but plugins of the user's choice may keep theirs where a reboot does not reach.
    const config = await userConfig();
    if (config) await disconnect(parts, { version: 1, attachment, config, embedded: false }, false);
  };

  const gc = async (validSandboxIds: readonly string[]): Promise<void> =>
    await collectGarbage(parts, validSandboxIds, await userConfig());

  const ready = async (): ReturnType<Network["ready"]> => {
    try {
      const config = await userConfig();
      const needed = config ? config.plugins.map((plugin) => plugin.type) : EMBEDDED_PLUGINS;
      for (const type of needed) {
        if ((await parts.plugins.find(type)) === undefined) return { ok: false, message: missingPlugin(type, binDirs) };
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
    hostSide: async () => {
      if (await userConfig()) return undefined;
      await makeBridge();
      const subnet = await chooseSubnet();
      return { gateway: gatewayOf(subnet), includes: (address) => contains(subnet, address) };
    },
    ready,
    add: (attachment, signal) => sandboxes.run(attachment.sandboxId, () => add(attachment, signal)),
    result: async (sandboxId) => {
      const record = await records.read(sandboxId);
      return record?.result ? networkResult(record.result, record.config.name) : undefined;
    },
    del: (attachment) => sandboxes.run(attachment.sandboxId, () => del(attachment)),
    check: (attachment) => checkConnection(parts, attachment.sandboxId),
    gc,
    teardown: async () => {
      await gc([]);
      await process.run({ argv: ["ip", "link", "delete", instance.bridge] });
      await firewall.remove();
      for (const done of [prepareEmbedded, makeBridge, chooseSubnet]) done.forget();
      await records.clear();
      await rm(join(instance.state, "cni"), { recursive: true, force: true });
      await rm(subnetFile(instance), { force: true });
    },
  };
}

async function subnetOf(instance: Instance): Promise<Subnet> {
  await mkdir(instance.root, { recursive: true });
  const isDefault = instance.name === DEFAULT_INSTANCE;
  return await stableSubnet({
    file: subnetFile(instance),
    bridge: instance.bridge,
    instance: { hash: instance.hash, isDefault },
  });
}

/** Lasts over a reboot, so that a Pod network keeps its addresses. */
function subnetFile(instance: Instance): string {
  return join(instance.root, "network.json");
}
