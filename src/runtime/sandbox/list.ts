/** Telling what sandboxes there are. Their state is asked of the kernel each time. */
import { existsSync } from "node:fs";

import { sandboxPaths } from "../layout.ts";
import type { Sandbox, SandboxFilter, SandboxState } from "../runtime.ts";
import { isAlive, type SandboxEntry, type Scope } from "../scope.ts";

/** The sandboxes that a filter lets through. */
export function findSandboxes(scope: Scope, filter: SandboxFilter = {}): readonly SandboxEntry[] {
  const { id, owner, podUid } = filter;
  const one = id === undefined ? undefined : scope.sandboxes.get(id);
  const candidates = id === undefined ? [...scope.sandboxes.values()] : one ? [one] : [];
  return candidates.filter(
    ({ record: { config } }) =>
      (owner === undefined || config.owner === owner) && (podUid === undefined || config.metadata.uid === podUid),
  );
}

/** The contract's view of a sandbox. */
export function sandboxOf(scope: Scope, entry: SandboxEntry): Sandbox {
  const { id, config, createdMs, ips, namespacePaths, cgroupPath } = entry.record;
  return { id, config, createdMs, ips, namespacePaths, cgroupPath, state: stateOf(scope, entry) };
}

/** Ready until it is stopped, loses its init, or a reboot took its state directory. */
function stateOf(scope: Scope, entry: SandboxEntry): SandboxState {
  const { id, ready, stopped, init } = entry.record;
  if (!ready || stopped || entry.stopping) return "notready";
  if (init && !isAlive(scope, init)) return "notready";
  return existsSync(sandboxPaths(scope.layout, id).state) ? "ready" : "notready";
}
