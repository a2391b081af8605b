/** Removing a sandbox with all of its containers. */
import { removeCheckpoint } from "../checkpoint/checkpoint.ts";
import { removeContainer } from "../container/remove.ts";
import { sandboxPaths } from "../layout.ts";
import type { Scope } from "../scope.ts";
import { sandboxName } from "./run.ts";
import { stopSandbox } from "./stop.ts";

/** Idempotent; stops it first. */
export async function removeSandbox(scope: Scope, id: string): Promise<void> {
  const entry = scope.sandboxes.get(id);
  if (!entry) return;
  const { config } = entry.record;
  const removeContainers = async (): Promise<void> => {
    await Promise.all([...entry.containers].map(async ({ record }) => removeContainer(scope, record.id)));
  };
  await Promise.all([stopSandbox(scope, id), removeContainers()]);
  await removeContainers(); // those that were still being made
  removeCheckpoint(sandboxPaths(scope.layout, id).checkpoint);
  if (!scope.sandboxes.delete(id)) return;
  scope.names.delete(sandboxName(config));
  scope.events.publish({ type: "sandbox", sandboxId: id, podUid: config.metadata.uid, owner: config.owner });
}
