/**
 * Where Pods reach the API: at the host's own address in the embedded network, which is open to nobody else (ADR 14), or,
 * with a network of the user's, at the address that the user opened to others.
 */
import { BlockList, isIPv6 } from "node:net";

import type { Network } from "../oci/cni.ts";
import type { KubeServer } from "../server/kube/create-kube-server.ts";
import { bindFirst } from "./bind-first.ts";
import { type ListenAddress, parseListenAddress } from "./listen-address.ts";

export interface ForPods {
  readonly server: Pick<KubeServer, "bind">;
  readonly network: Pick<Network, "hostSide">;
  /** Where the API listens for everyone else. */
  readonly main: ListenAddress;
  /** The machine's primary address. */
  readonly nodeIp: string;
  /** Ports to try in order; Pods that run know the first. */
  readonly ports: readonly number[];
}

/**
 * Whether Pods can reach an API of the option `listen`. Known before anything listens, because admission asks. In a network of
 * the user's nobody knows which address leads to this host and to it alone: there it has to be said.
 */
export function reachesPods(listen: string, hasUserNetwork: boolean): boolean {
  if (listen === "off") return false;
  const given = parseListenAddress(listen);
  return !hasUserNetwork || (given !== undefined && !isLoopback(given.host));
}

/** Opens it. Rejects with `FailedPrecondition`. */
export async function openForPods({ server, network, main, nodeIp, ports }: ForPods): Promise<ListenAddress> {
  const side = await network.hostSide();
  const isWide = main.host === "0.0.0.0" || main.host === "::";
  if (isWide) return { host: side?.gateway ?? nodeIp, port: main.port };
  if (!side) return main;
  // Every address of a host answers at each of its interfaces, and so would this one to the machine's neighbours.
  const addresses = ports.map((port) => ({ host: side.gateway, port }));
  return await bindFirst(server, addresses, (peer) => side.includes(peer));
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

function isLoopback(host: string): boolean {
  return LOOPBACK.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}
