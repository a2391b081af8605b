/** What `minke reset` needs of this layer: removing all that an instance ever made, whatever its checkpoints say. */
import { rm } from "node:fs/promises";

import { messageOf, MinkeError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Host } from "../host/host.ts";
import type { Instance } from "../host/instance.ts";
import { namesIn, readCheckpoint } from "./checkpoint/checkpoint.ts";
import { layoutOf, sandboxPaths } from "./layout.ts";
import type { SandboxRecord } from "./records.ts";
import { attachmentOf } from "./sandbox/dismantle.ts";
import type { SandboxNetwork } from "./scope.ts";

export interface DestroyOptions {
  readonly host: Host;
  readonly instance: Instance;
  readonly network: Pick<SandboxNetwork, "del" | "gc" | "teardown">;
  readonly log: Logger;
}

/**
 * Kills every process in the instance's cgroups, gives every network back, removes every mount below its state and its
 * containers, every pinned namespace, cgroup and file of sandboxes and containers. Images, volumes, logs and the store are
 * not touched. No daemon of the instance may run. All is tried; what failed is thrown at the end.
 */
export async function destroyInstance(options: DestroyOptions): Promise<void> {
  const { host, instance, network, log } = options;
  const layout = layoutOf(instance);
  const failures: string[] = [];
  const attempt = async (what: string, task: () => Promise<unknown>): Promise<void> => {
    try {
      await task();
    } catch (error) {
      failures.push(`${what}: ${messageOf(error)}`);
      log.warn({ what, why: messageOf(error) }, "A step of the reset failed");
    }
  };

  const cgroups = host.cgroup.placesOf(instance.cgroupRoot);
  for (const top of cgroups) await attempt("kill the processes", () => host.cgroup.kill(top));
  for (const name of namesIn(layout.sandboxCheckpoints).filter((file) => file.endsWith(".json"))) {
    const result = readCheckpoint<SandboxRecord>(sandboxPaths(layout, name.slice(0, -".json".length)).checkpoint);
    const attachment = result.kind === "read" ? attachmentOf(result.data) : undefined;
    if (attachment) await attempt(`network of sandbox ${attachment.sandboxId}`, () => network.del(attachment));
  }
  await attempt("remaining networks", async () => (network.teardown ? network.teardown() : network.gc([])));
  const directories = Object.values(layout);
  for (const directory of directories) {
    await attempt(`mounts below ${directory}`, async () => {
      for (const { target } of await host.mount.list(directory)) await host.mount.unmount(target);
    });
  }
  for (const top of cgroups) await attempt("cgroups", () => host.cgroup.remove(top));
  for (const directory of directories) {
    await attempt(directory, async () => {
      const left = await host.mount.list(directory);
      if (left.length > 0) throw new Error(`${left[0]!.target} is still mounted`);
      await rm(directory, { recursive: true, force: true });
    });
  }
  if (failures.length === 0) return;
  throw new MinkeError("Internal", `Cannot remove all of instance "${instance.name}": ${failures.join("; ")}`, {
    details: { failures },
  });
}
