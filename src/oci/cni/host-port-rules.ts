/**
 * Taking back what the plugin portmap made for one sandbox, in two calls instead of the plugin's dozen (it also looks through
 * IPv6, one program per rule): 15 ms instead of 110. Every rule names its sandbox in its comment.
 */
import type { ProcessHost } from "../../host/host.ts";

/** Portmap's chain of all published ports; each rule jumps to a chain of one sandbox. */
const DNAT_CHAIN = "CNI-HOSTPORT-DNAT";

/** True when no rule of the sandbox is left; false when the plugin itself has to do it. */
export async function removeHostPortRules(process: ProcessHost, sandboxId: string): Promise<boolean> {
  const saved = await process.run({ argv: ["iptables-save", "-t", "nat"] });
  if (saved.code !== 0) return false;
  const input = removalOf(saved.stdout, sandboxId);
  if (input === undefined) return true;
  const done = await process.run({ argv: ["iptables-restore", "-w", "5", "--noflush"], stdin: input });
  return done.code === 0;
}

/**
 * Whether the sandbox' ports are published. Asked instead of portmap's own CHECK, whose version 1.1.1 looks for IPv6 rules
 * that a network without IPv6 does not have.
 */
export async function hasHostPortRules(process: ProcessHost, sandboxId: string): Promise<boolean> {
  const saved = await process.run({ argv: ["iptables-save", "-t", "nat"] });
  return removalOf(saved.stdout, sandboxId) !== undefined;
}

/** Input for iptables-restore that removes the sandbox' rules from a saved table; undefined when there are none. */
export function removalOf(saved: string, sandboxId: string): string | undefined {
  const jumps = saved
    .split("\n")
    .filter((line) => line.startsWith(`-A ${DNAT_CHAIN} `) && line.includes(`id: \\"${sandboxId}\\"`));
  if (jumps.length === 0) return undefined;
  const chains = new Set(jumps.flatMap((line) => / -j (CNI-DN-\S+)/.exec(line)?.[1] ?? []));
  const deletions = jumps.map((line) => `-D${line.slice("-A".length)}`);
  const flushes = [...chains].map((chain) => `-F ${chain}\n-X ${chain}`);
  return ["*nat", ...deletions, ...flushes, "COMMIT", ""].join("\n");
}
