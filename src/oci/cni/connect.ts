/** Connecting a sandbox: ports are taken, the record is written, then the plugins run. A failure takes all of it back. */
import { isIPv6 } from "node:net";

import { MinkeError, messageOf } from "../../base/errors.ts";
import { publishedPorts, type HostPortMapping, type NetworkAttachment, type NetworkResult } from "./attachment.ts";
import { addChain } from "./chain.ts";
import { disconnect } from "./disconnect.ts";
import type { NetworkParts } from "./parts.ts";
import type { NetworkRecord } from "./records.ts";
import { networkResult } from "./result.ts";

/** The network that a new sandbox gets. */
export type ChosenNetwork = Pick<NetworkRecord, "config" | "embedded">;

export async function connect(
  parts: NetworkParts,
  attachment: NetworkAttachment,
  chosen: ChosenNetwork,
  signal?: AbortSignal,
): Promise<NetworkResult> {
  const { records, ports, plugins, chains } = parts;
  const { sandboxId } = attachment;
  const published = publishedPorts(attachment);
  if (chosen.embedded) refuseIpv6(published);
  const before = await records.read(sandboxId);
  if (before) await disconnect(parts, before, true);
  ports.reserve(sandboxId, published);
  let record: NetworkRecord | undefined;
  try {
    if (published.length > 0) await ports.probe(published);
    record = { version: 1, attachment, ...chosen };
    await records.write(record);
    using _ = await chains.acquire();
    const result = await addChain(plugins, chosen.config, attachment, signal);
    const told = networkResult(result, chosen.config.name);
    await records.write((record = { ...record, result }));
    return told;
  } catch (error) {
    if (record) await rollback(parts, record);
    else ports.release(sandboxId);
    throw error;
  }
}

/** After a failed ADD the specification asks for a DEL of every plugin. What fails here is left to `gc`. */
async function rollback(parts: NetworkParts, record: NetworkRecord): Promise<void> {
  await disconnect(parts, record, true).catch((error: unknown) => {
    const { sandboxId } = record.attachment;
    parts.log.warn({ sandboxId, error: messageOf(error) }, "network could not be taken back");
  });
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
