/** The network that Minke brings along: a bridge on this host, IPv4, host ports. Pure. */
import { join } from "node:path";

import type { Instance } from "../../host/instance.ts";
import type { NetworkConfig } from "./network-config.ts";
import { formatSubnet, type Subnet } from "./subnet.ts";

const CNI_VERSION = "1.0.0";

/**
 * `ports`: whether any host port is published. Without one the plugin portmap has nothing to do and is left out.
 * No ipMasq: one masquerade rule for the whole subnet (firewall.ts) instead of two iptables calls per Pod.
 */
export function embeddedNetwork(instance: Instance, subnet: Subnet, ports: boolean): NetworkConfig {
  const bridge = {
    type: "bridge",
    bridge: instance.bridge,
    isGateway: true,
    ipMasq: false,
    // A Pod reaches its own host port.
    hairpinMode: true,
    ipam: {
      type: "host-local",
      dataDir: leasesRoot(instance),
      ranges: [[{ subnet: formatSubnet(subnet) }]],
      routes: [{ dst: "0.0.0.0/0" }],
    },
  };
  // snat lets the host itself, 127.0.0.1 too, and the Pod reach the port.
  const portmap = { type: "portmap", capabilities: { portMappings: true }, snat: true };
  return {
    name: instance.network,
    cniVersion: CNI_VERSION,
    disableCheck: false,
    disableGC: false,
    plugins: ports ? [bridge, portmap] : [bridge],
  };
}

/** The plugins that the embedded network needs; host-local is started by bridge. */
export const EMBEDDED_PLUGINS: readonly string[] = ["bridge", "host-local", "portmap"];

/** dataDir of host-local. */
export function leasesRoot(instance: Instance): string {
  return join(instance.state, "cni", "leases");
}

/** The directory of the lease files: host-local puts the network's name behind its dataDir. */
export function leasesDirectory(instance: Instance): string {
  return join(leasesRoot(instance), instance.network);
}
