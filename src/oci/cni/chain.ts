/** Runs the plugins of a network one after the other. CNI SPEC.md, section 3 (execution of network configurations). */
import { publishedPorts, type NetworkAttachment } from "./attachment.ts";
import { versionAtLeast, type NetworkConfig, type PluginConfig } from "./network-config.ts";
import { INTERFACE, type PluginRequest, type Plugins } from "./plugins.ts";
import { parseResult, type CniResult } from "./result.ts";

/** First version whose DEL takes the result of ADD, and that has CHECK. */
const WITH_PREV_RESULT_ON_DEL = "0.4.0";
export const WITH_CHECK = "0.4.0";
export const WITH_GC = "1.1.0";

/** ADD of each plugin in order, each with the result of the one before. Returns the last result. */
export async function addChain(
  plugins: Plugins,
  config: NetworkConfig,
  attachment: NetworkAttachment,
  signal?: AbortSignal,
): Promise<CniResult> {
  let result: CniResult | undefined;
  for (const plugin of config.plugins) {
    const stdout = await plugins.run({
      ...request("ADD", config, plugin, attachment, result),
      ...(signal ? { signal } : {}),
    });
    result = parseResult(stdout, plugin.type);
  }
  return result!;
}

/** CHECK of each plugin in order. */
export async function checkChain(
  plugins: Plugins,
  config: NetworkConfig,
  attachment: NetworkAttachment,
  result: CniResult,
): Promise<void> {
  if (config.disableCheck || !versionAtLeast(config.cniVersion, WITH_CHECK)) return;
  for (const plugin of config.plugins) await plugins.run(request("CHECK", config, plugin, attachment, result));
}

/** DEL of each plugin, last one first. All are run; the first error is thrown at the end. */
export async function delChain(
  plugins: Plugins,
  config: NetworkConfig,
  attachment: NetworkAttachment,
  result: CniResult | undefined,
): Promise<void> {
  const errors: unknown[] = [];
  const previous = versionAtLeast(config.cniVersion, WITH_PREV_RESULT_ON_DEL) ? result : undefined;
  for (const plugin of config.plugins.toReversed()) {
    await plugins
      .run(request("DEL", config, plugin, attachment, previous))
      .catch((error: unknown) => void errors.push(error));
  }
  if (errors.length > 0) throw errors[0];
}

/** GC of each plugin that has it: what belongs to no valid sandbox is removed. */
export async function gcChain(
  plugins: Plugins,
  config: NetworkConfig,
  validSandboxIds: readonly string[],
): Promise<void> {
  const valid = validSandboxIds.map((id) => ({ containerID: id, ifname: INTERFACE }));
  for (const plugin of config.plugins) {
    if (!(await plugins.versions(plugin.type)).some((version) => versionAtLeast(version, WITH_GC))) continue;
    await plugins.run({
      command: "GC",
      type: plugin.type,
      network: config.name,
      sandboxId: "",
      netnsPath: "",
      args: "",
      config: { ...plugin, name: config.name, cniVersion: config.cniVersion, "cni.dev/valid-attachments": valid },
    });
  }
}

function request(
  command: PluginRequest["command"],
  config: NetworkConfig,
  plugin: PluginConfig,
  attachment: NetworkAttachment,
  prevResult: CniResult | undefined,
): PluginRequest {
  return {
    command,
    type: plugin.type,
    network: config.name,
    sandboxId: attachment.sandboxId,
    netnsPath: attachment.netnsPath,
    args: cniArgs(attachment),
    config: {
      ...withoutCapabilities(plugin),
      name: config.name,
      cniVersion: config.cniVersion,
      ...runtimeConfig(plugin, attachment),
      ...(prevResult ? { prevResult } : {}),
    },
  };
}

function withoutCapabilities(plugin: PluginConfig): Readonly<Record<string, unknown>> {
  const { capabilities: _, ...rest } = plugin;
  return rest;
}

/** Port mappings, for a plugin that says it takes them. */
function runtimeConfig(plugin: PluginConfig, attachment: NetworkAttachment): { runtimeConfig?: object } {
  const ports = publishedPorts(attachment);
  if (plugin.capabilities?.["portMappings"] !== true || ports.length === 0) return {};
  const portMappings = ports.map((port) => ({
    hostPort: port.hostPort,
    containerPort: port.containerPort,
    protocol: port.protocol.toLowerCase(),
    ...(port.hostIp === "" ? {} : { hostIP: port.hostIp }),
  }));
  return { runtimeConfig: { portMappings } };
}

/** As the kubelet's runtimes name a Pod to plugins. A `;` would start another pair; no Kubernetes name has one. */
function cniArgs(attachment: NetworkAttachment): string {
  return [
    "IgnoreUnknown=1",
    `K8S_POD_NAMESPACE=${attachment.podNamespace}`,
    `K8S_POD_NAME=${attachment.podName}`,
    `K8S_POD_INFRA_CONTAINER_ID=${attachment.sandboxId}`,
    `K8S_POD_UID=${attachment.podUid}`,
  ].join(";");
}
