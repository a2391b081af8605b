/**
 * Where the socket of an instance is: the client's side of `instanceOf` in src/host/instance.ts, which the client may not
 * import (a test holds the two together).
 */

export interface SocketAddress {
  /** Path of the socket itself; wins over the others. */
  readonly socket?: string;
  /** The node's instance name. Default `minke`. */
  readonly instance?: string;
  /** The node's state directory. Default `/run/minke`, `/run/minke-<instance>` for another instance. */
  readonly state?: string;
}

/** The path of the API socket. */
export function socketPathOf(address: SocketAddress = {}): string {
  if (address.socket !== undefined) return address.socket;
  return `${stateDirOf(address).replace(/\/+$/, "")}/api.sock`;
}

function stateDirOf(address: SocketAddress): string {
  if (address.state !== undefined) return address.state;
  const instance = address.instance ?? "minke";
  return instance === "minke" ? "/run/minke" : `/run/minke-${instance}`;
}
