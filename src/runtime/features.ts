/** What this runtime can do on this host. */
import type { RuntimeFeatures } from "./runtime.ts";
import { defaultHandler, type Scope } from "./scope.ts";

export async function features(scope: Scope): Promise<RuntimeFeatures> {
  const handlers = [...scope.handlers].map(async ([name, handler]) => {
    const { recursiveReadonly } = await handler.abilities();
    return { name, recursiveReadonlyMounts: recursiveReadonly, userNamespaces: false };
  });
  return {
    handlers: await Promise.all(handlers),
    supplementalGroupsPolicy: true,
    cgroupDriver: "cgroupfs",
    version: (await defaultHandler(scope).abilities()).version,
  };
}
