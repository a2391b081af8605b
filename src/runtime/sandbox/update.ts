/** Changing the limits of a sandbox' cgroup, and reading what it used. */
import { MinkeError } from "../../base/errors.ts";
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { sandboxPaths } from "../layout.ts";
import type { CgroupResources, CgroupStats } from "../runtime.ts";
import type { SandboxEntry, Scope } from "../scope.ts";

/** The entry of a sandbox, or `NotFound`. */
export function requireSandbox(scope: Scope, id: string, action: string): SandboxEntry {
  const entry = scope.sandboxes.get(id);
  if (entry) return entry;
  throw new MinkeError("NotFound", `Cannot ${action}: there is no sandbox ${id}`, { details: { sandboxId: id } });
}

/** Applies new limits at once and remembers them. */
export async function updateSandboxResources(scope: Scope, id: string, resources: CgroupResources): Promise<void> {
  const entry = requireSandbox(scope, id, "change the limits");
  await scope.host.cgroup.update(entry.record.cgroupPath, resources);
  entry.record = { ...entry.record, config: { ...entry.record.config, resources } };
  writeCheckpoint(sandboxPaths(scope.layout, id).checkpoint, entry.record);
}

/** undefined when the sandbox or its cgroup is gone. */
export async function sandboxStats(scope: Scope, id: string): Promise<CgroupStats | undefined> {
  const entry = scope.sandboxes.get(id);
  return entry ? scope.host.cgroup.stats(entry.record.cgroupPath) : undefined;
}
