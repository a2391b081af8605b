/** Whether a sandbox is still connected as it was. */
import { MinkeError } from "../../base/errors.ts";
import { publishedPorts } from "./attachment.ts";
import { checkChain } from "./chain.ts";
import { hasHostPortRules } from "./host-port-rules.ts";
import type { NetworkParts } from "./parts.ts";
import type { NetworkRecord } from "./records.ts";
import type { CniResult } from "./result.ts";

/** Rejects with `NotFound` when it is not connected, and with the plugin's error when its network is damaged. */
export async function checkConnection(parts: NetworkParts, sandboxId: string): Promise<void> {
  const record = await parts.records.read(sandboxId);
  if (!record?.result) throw broken("NotFound", sandboxId, "it is not connected");
  const { attachment, config, embedded } = record;
  const result = withoutHostMacs(record.result);
  if (!embedded) return await checkChain(parts.plugins, config, attachment, result);
  await checkChain(parts.plugins, withoutPortmap(config), attachment, result);
  if (publishedPorts(attachment).length > 0 && !(await hasHostPortRules(parts.process, sandboxId))) {
    throw broken("FailedPrecondition", sandboxId, "the firewall rules of its host ports are gone");
  }
}

/**
 * udev gives the host's end of a veth, and the bridge, another MAC address soon after they are made (systemd's
 * MACAddressPolicy=persistent), and the bridge plugin's CHECK would call that damage.
 */
function withoutHostMacs(result: CniResult): CniResult {
  const { interfaces } = result;
  if (!Array.isArray(interfaces)) return result;
  const kept = (interfaces as readonly Readonly<Record<string, unknown>>[]).map((each) => {
    const { mac: _mac, ...rest } = each;
    return rest["sandbox"] ? each : rest;
  });
  return { ...result, interfaces: kept };
}

function withoutPortmap(config: NetworkRecord["config"]): NetworkRecord["config"] {
  return { ...config, plugins: config.plugins.filter((plugin) => plugin.type !== "portmap") };
}

function broken(code: "NotFound" | "FailedPrecondition", sandboxId: string, why: string): MinkeError {
  return new MinkeError(
    code,
    `Cannot find the network of sandbox ${sandboxId.slice(0, 12)} in order: ${why}; run the sandbox again`,
    { details: { sandboxId } },
  );
}
