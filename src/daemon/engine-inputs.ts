/** What the engine wants to know of this machine. */
import { networkInterfaces, totalmem } from "node:os";
import { join } from "node:path";

import type { EngineOptions } from "../engine/deps.ts";
import type { Instance } from "../host/instance.ts";
import { podResolvConf } from "../host/resolv-conf.ts";
import { internalAddresses } from "./node-object.ts";

export async function engineInputs(
  instance: Instance,
  nodeName: string,
  allocatable: Readonly<Record<string, string>>,
): Promise<Pick<EngineOptions, "node" | "paths">> {
  const ip = internalAddresses(networkInterfaces(), instance.bridge)[0]!.address;
  return {
    node: { name: nodeName, ip, capacity: { memoryBytes: totalmem() }, allocatable, resolvConf: await podResolvConf() },
    paths: {
      podLogs: instance.podLogs,
      containerLogs: instance.containerLogs,
      podsRoot: join(instance.root, "pods"),
      seccompRoot: join(instance.root, "seccomp"),
    },
  };
}
