/**
 * One instance name, and every name on the host that is derived from it. Several nodes can run side by side, tests too,
 * and `minke reset` finds all that an instance ever made, because nothing is named in any other way.
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

import { MinkeError } from "../base/errors.ts";

export const DEFAULT_INSTANCE = "minke";

export interface InstanceOptions {
  /** Lower-case letters, digits and `-`, at most 32 characters. Default `minke`. */
  readonly instance?: string;
  /** What lasts: store, images, writable layers, volumes. Default `/var/lib/<instance>`. */
  readonly root?: string;
  /** What a reboot clears: sockets, pinned namespaces, bundles, IP leases. Default `/run/<instance>`. */
  readonly state?: string;
  /** Parent of `pods/` and `containers/`. Default `/var/log` for the default instance and root, else `<root>/log`. */
  readonly logs?: string;
}

export interface Instance {
  readonly name: string;
  readonly root: string;
  readonly state: string;
  /** `<logs>/pods/<namespace>_<pod>_<uid>/<container>/<attempt>.log`, as the kubelet has it. */
  readonly podLogs: string;
  /** `<logs>/containers/<pod>_<namespace>_<container>-<id>.log`, symlinks. */
  readonly containerLogs: string;
  readonly apiSocket: string;
  /** Root of all its cgroups, relative to each hierarchy's root. */
  readonly cgroupRoot: string;
  /** Linux bridge of the embedded network; at most 15 characters. */
  readonly bridge: string;
  /** Name of the embedded CNI network, and prefix of its leases. */
  readonly network: string;
  /** nftables table / iptables chain prefix; upper-case letters, digits and `-`. */
  readonly firewall: string;
  /** Eight hex digits that stand for the name where space is short. */
  readonly hash: string;
}

/** Derives an instance's names. Rejects a name that would not be safe in paths and chains with `InvalidArgument`. */
export function instanceOf(options: InstanceOptions = {}): Instance {
  const name = options.instance ?? DEFAULT_INSTANCE;
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot use instance name "${name}": it must have 1 to 32 lower-case letters, digits or "-", and start and end with a letter or digit`,
    );
  }
  const full = name === DEFAULT_INSTANCE ? DEFAULT_INSTANCE : `${DEFAULT_INSTANCE}-${name}`;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  const root = resolve(options.root ?? join("/var/lib", full));
  const state = resolve(options.state ?? join("/run", full));
  const logs = resolve(
    options.logs ?? (name === DEFAULT_INSTANCE && options.root === undefined ? "/var/log" : join(root, "log")),
  );
  return {
    name,
    root,
    state,
    podLogs: join(logs, "pods"),
    containerLogs: join(logs, "containers"),
    apiSocket: join(state, "api.sock"),
    cgroupRoot: full,
    bridge: name === DEFAULT_INSTANCE ? "minke0" : `mk${hash}`,
    network: full,
    firewall: name === DEFAULT_INSTANCE ? "MINKE" : `MINKE-${hash.toUpperCase()}`,
    hash,
  };
}
