/** `minke port-forward`: forward local ports to a Pod. */
import { buildCommand } from "@stricli/core";

import { MinkeError } from "../../base/errors.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { argument, namespaceFlag, namespaceOf, nodeFlags, textFlag } from "../flags.ts";
import { addressesOf, parsePorts } from "../forward-ports.ts";
import { podNamed } from "../targets.ts";

interface Flags extends NodeFlags {
  readonly namespace: string | undefined;
  readonly address: string | undefined;
}

export const examples = [
  ["Local port 8080 to port 80 of the Pod", "minke port-forward web 8080:80"],
  ["A free local port", "minke port-forward pod/web :80"],
  ["Reachable from other machines", "minke port-forward web 8080:80 --address 0.0.0.0"],
] as const;
export const completes = ["pod"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Forward local ports to a Pod", customUsage: ["POD [LOCAL:]PORT..."] },
  parameters: {
    flags: {
      address: textFlag("Addresses to listen on, by commas (default localhost)", "addresses"),
      ...namespaceFlag,
      ...nodeFlags,
    },
    aliases: { n: "namespace" },
    positional: { kind: "array", parameter: argument("POD|PORT", "NAME or pod/NAME, then 8080:80, 80 or :80") },
  },
  async func(this: CliContext, flags, ...args) {
    const [pod, ...specs] = args;
    if (pod === undefined || specs.length === 0) throw new UsageError("write 'minke port-forward POD LOCAL:PORT'");
    const ports = specs.map(parsePorts);
    const name = podNamed(pod);
    const pods = (await this.client(flags)).pods(namespaceOf(flags));
    const phase = (await pods.get(name)).status?.phase ?? "Unknown";
    if (phase !== "Running") {
      throw new MinkeError(
        "FailedPrecondition",
        `unable to forward port because pod is not running. Current status=${phase}`,
      );
    }
    const { forward } = await import("../forward.ts");
    await forward(this, pods, { pod: name, ports, addresses: addressesOf(flags.address) });
  },
});
