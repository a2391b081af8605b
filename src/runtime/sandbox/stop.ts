/** Stopping a sandbox: nothing runs in it afterwards, its network is given back, its record stays. */
import { writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { stopContainer } from "../container/stop.ts";
import { sandboxPaths } from "../layout.ts";
import type { Scope } from "../scope.ts";
import { dismantle } from "./dismantle.ts";

/** Idempotent. A sandbox that was lost over a reboot is taken apart too: what of it is left on the host goes. */
export async function stopSandbox(scope: Scope, id: string): Promise<void> {
  const entry = scope.sandboxes.get(id);
  if (!entry) return;
  entry.stopping = true;
  await scope.locks.run(id, async () => {
    if (entry.record.stopped) return;
    const { config } = entry.record;
    using _span = scope.trace.span(config.metadata.uid, "sandbox.stop");
    await Promise.allSettled(entry.creating);
    await Promise.all([...entry.containers].map((container) => stopContainer(scope, container.record.id, 0)));
    await dismantle(scope, entry.record);
    entry.record = { ...entry.record, stopped: true };
    writeCheckpoint(sandboxPaths(scope.layout, id).checkpoint, entry.record);
    scope.events.publish({ type: "sandbox", sandboxId: id, podUid: config.metadata.uid, owner: config.owner });
  });
}
