/** What this runtime can do on this host. */
import type { RuntimeFeatures } from "./runtime.ts";
import { hasUserNamespaces } from "./sandbox/user-namespace.ts";
import { defaultHandler, type Scope } from "./scope.ts";

export async function features(scope: Scope): Promise<RuntimeFeatures> {
  const handlers = [...scope.handlers].map(async ([name, handler]) => {
    const { recursiveReadonly } = await handler.abilities();
    const userNamespaces = await hasUserNamespaces(scope, handler);
    return { name, recursiveReadonlyMounts: recursiveReadonly, userNamespaces };
  });
  return {
    handlers: await Promise.all(handlers),
    supplementalGroupsPolicy: true,
    cgroupDriver: scope.host.cgroup.driver,
    version: (await defaultHandler(scope).abilities()).version,
  };
}
