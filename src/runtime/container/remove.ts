/** Removing a container, running or not. Its log files are its owner's. */
import { announce, dropContainer, type Scope } from "../scope.ts";
import { discard } from "./discard.ts";
import { stopContainer } from "./stop.ts";

/** Idempotent. */
export async function removeContainer(scope: Scope, id: string): Promise<void> {
  const entry = scope.containers.get(id);
  if (!entry) return;
  await stopContainer(scope, id, 0);
  await scope.locks.run(id, async () => {
    if (entry.removed) return;
    const { record } = entry;
    using _span = scope.trace.span(record.podUid, "container.remove", record.config.metadata.name);
    await discard(scope, record, { launched: false });
    dropContainer(scope, entry);
    announce(scope, "deleted", record);
  });
}
