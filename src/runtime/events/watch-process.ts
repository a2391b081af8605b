/**
 * Wakes on the death of what should have outlived its charge: a monitor that was killed writes no exit file, and a sandbox'
 * init has none to write. A wake-up is a hint; the truth is looked at again.
 */
import { messageOf } from "../../base/errors.ts";
import { settle } from "../container/settle.ts";
import type { ContainerEntry, SandboxEntry, Scope } from "../scope.ts";

/** The end of a container whose monitor dies is found and told. */
export function watchMonitor(scope: Scope, entry: ContainerEntry): void {
  const { conmon, ended, id } = entry.record;
  if (!conmon || ended) return;
  scope.host.process.watch(conmon.pid, () => {
    if (scope.closed.aborted) return;
    settle(scope, entry).catch((error: unknown) =>
      scope.log.error({ container: id, why: messageOf(error) }, "Cannot tell whether a container has ended"),
    );
  });
}

/** A sandbox that loses the init of its PID namespace is ready no more. */
export function watchInit(scope: Scope, entry: SandboxEntry): void {
  const { init, stopped, id, config } = entry.record;
  if (!init || stopped) return;
  scope.host.process.watch(init.pid, () => {
    if (scope.closed.aborted || entry.stopping) return;
    scope.events.publish({ type: "sandbox", sandboxId: id, podUid: config.metadata.uid, owner: config.owner });
  });
}
