/** What `info` answers: versions and places, for people and bug reports. */
import { release } from "node:os";

import { messageOf } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import type { Host } from "../host/host.ts";
import type { Instance } from "../host/instance.ts";
import type { Network } from "../oci/cni.ts";
import type { NodeOptions } from "./options.ts";

export interface NodeInfoParts {
  readonly host: Host;
  readonly instance: Instance;
  readonly network: Pick<Network, "ready">;
  readonly nodeName: string;
  readonly settings: NodeOptions;
}

/** Asks the programs for their versions when somebody wants to know. */
export function nodeInfo(parts: NodeInfoParts): { readonly read: () => Promise<Readonly<Record<string, unknown>>> } {
  const { host, instance, network, nodeName, settings } = parts;
  const version = async (program: string): Promise<string> => {
    try {
      const { stdout, code } = await host.process.run({ argv: [program, "--version"], timeoutMs: 5_000 });
      return code === 0 ? (stdout.split("\n", 1)[0] ?? "").replace(/^.*version:?\s+/, "") : "";
    } catch (error) {
      return `unknown (${messageOf(error)})`;
    }
  };
  return {
    read: async () => {
      const [crun, conmon, ready] = await Promise.all([
        version(settings.crun ?? "crun"),
        version(settings.conmon ?? "conmon"),
        network.ready(),
      ]);
      return {
        version: VERSION,
        node: nodeName,
        pid: process.pid,
        nodejs: process.version,
        instance: instance.name,
        root: instance.root,
        state: instance.state,
        podLogs: instance.podLogs,
        crun,
        conmon,
        cgroup: host.cgroup.version,
        cgroupDriver: host.cgroup.driver,
        kernel: release(),
        network: {
          name: instance.network,
          kind: settings.cniConfDir === undefined ? "embedded" : "cni",
          ready: ready.ok,
          ...(ready.ok ? {} : { message: ready.message }),
        },
      };
    },
  };
}
