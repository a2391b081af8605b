/** What this runtime can do on this host. */
import type { RuntimeFeatures } from "./runtime.ts";
import type { Scope } from "./scope.ts";

/** Names of the default OCI runtime, the empty one first. */
export const DEFAULT_HANDLERS = ["", "crun"] as const;

export async function features(scope: Scope): Promise<RuntimeFeatures> {
  const version = await scope.crun.version();
  const able = { recursiveReadonlyMounts: false, userNamespaces: false };
  return {
    handlers: DEFAULT_HANDLERS.map((name) => ({ name, ...able })),
    supplementalGroupsPolicy: true,
    cgroupDriver: "cgroupfs",
    version: version.replace(/ version /, " "),
  };
}
