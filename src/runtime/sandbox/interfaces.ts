/** The counters of a sandbox' network interfaces. */
import { readFile } from "node:fs/promises";

import { MinkeError } from "../../base/errors.ts";
import type { InterfaceStats } from "../runtime.ts";
import { isAlive, type SandboxEntry, type Scope } from "../scope.ts";
import { requireSandbox } from "./update.ts";

/** proc_pid_net(5): eight columns of receiving, then eight of sending. */
const COLUMNS = 16;

/** Empty with the host's network, and when the sandbox is stopped. */
export async function interfaceStats(scope: Scope, sandboxId: string): Promise<readonly InterfaceStats[]> {
  const entry = requireSandbox(scope, sandboxId, "read the interfaces");
  const { net } = entry.record.namespacePaths;
  if (net === undefined || entry.record.stopped || entry.stopping) return [];
  return parseInterfaces((await throughProcess(scope, entry)) ?? (await throughProgram(scope, net)));
}

/** What /proc/PID/net/dev says, `lo` left out. */
export function parseInterfaces(text: string): readonly InterfaceStats[] {
  return text.split("\n").flatMap((line) => {
    const [, name = "", counters = ""] = /^\s*([^:\s]+):(.*)$/.exec(line) ?? [];
    const n = counters.trim().split(/\s+/).map(Number);
    if (name === "" || name === "lo" || n.length < COLUMNS) return [];
    const rx = { rxBytes: n[0]!, rxPackets: n[1]!, rxErrors: n[2]!, rxDropped: n[3]! };
    return [{ name, ...rx, txBytes: n[8]!, txPackets: n[9]!, txErrors: n[10]!, txDropped: n[11]! }];
  });
}

/** A process that is in the namespace shows it for nothing; undefined when none is there, or it has just ended. */
async function throughProcess(scope: Scope, { record, containers }: SandboxEntry): Promise<string | undefined> {
  const processes = [record.init, ...[...containers].map((container) => container.record.process)];
  for (const process of processes) {
    if (!process || !isAlive(scope, process)) continue;
    const text = await readFile(`/proc/${process.pid}/net/dev`, "utf8").catch(() => undefined);
    if (text !== undefined && isAlive(scope, process)) return text;
  }
  return undefined;
}

async function throughProgram(scope: Scope, netns: string): Promise<string> {
  const done = await scope.host.process.run({ argv: ["cat", "/proc/self/net/dev"], netns });
  if (done.code === 0) return done.stdout;
  throw new MinkeError("Internal", `Cannot read the interfaces of ${netns}: ${done.stderr.trim()}`);
}
