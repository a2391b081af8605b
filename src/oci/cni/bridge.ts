/** The embedded network's bridge, made before the first Pod comes: its address is where Pods reach the API (ADR 14). */
import { MinkeError } from "../../base/errors.ts";
import type { ProcessHost } from "../../host/host.ts";
import { exists } from "../../host/files.ts";
import { gatewayOf, type Subnet } from "./subnet.ts";

/**
 * Makes the bridge with the first address of the subnet, as the plugin `bridge` would with the first Pod. Idempotent. Its
 * hardware address is fixed: else it is the lowest of its ports', and changes below the connections that Pods have with the
 * host when a Pod comes or goes. Rejects with `FailedPrecondition`.
 */
export async function ensureBridge(process: ProcessHost, bridge: string, subnet: Subnet): Promise<void> {
  const gateway = gatewayOf(subnet);
  const made = await exists(`/sys/class/net/${bridge}`);
  const commands = [
    ...(made ? [] : [`link add name ${bridge} address ${hardwareAddress(gateway)} type bridge`]),
    `address replace ${gateway}/${subnet.bits} dev ${bridge}`,
    `link set dev ${bridge} up`,
  ];
  const done = await process.run({ argv: ["ip", "-batch", "-"], stdin: `${commands.join("\n")}\n` });
  if (done.code === 0) return;
  const why = done.code === 127 ? "the program ip is not installed; install iproute2" : done.stderr.trim();
  throw new MinkeError("FailedPrecondition", `Cannot make the bridge ${bridge} with address ${gateway}: ${why}`, {
    details: { bridge, exitCode: done.code, stderr: done.stderr },
  });
}

/** A local one (IEEE 802: the second bit of the first octet) that ends in the IPv4 address. */
function hardwareAddress(ip: string): string {
  const octets = ip.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return ["0a", "58", ...octets].join(":");
}
