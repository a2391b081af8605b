/**
 * `minke reset`: removes all that an instance ever made on the host. Works with the daemon down and with checkpoints that
 * can not be read, and removes no file that Minke did not make, even when `--root` named a folder with other things in it.
 */
import { readdir, readlink, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

import { systemClock } from "../base/clock.ts";
import { errnoOf, messageOf, MinkeError } from "../base/errors.ts";
import { noLog } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import { createHost } from "../host/create-host.ts";
import { exists } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { instanceOf } from "../host/instance.ts";
import type { Instance } from "../host/instance.ts";
import { createNetwork } from "../oci/cni.ts";
import { destroyInstance } from "../runtime/destroy.ts";
import { lockHolder, lockInstance } from "./lock.ts";
import type { NodeOptions } from "./options.ts";

/** What the layers keep directly below `root` and `state`; nothing else there is ours to remove. */
const ROOT_ENTRIES =
  /^(store\.db(\.(restoring|before-[0-9TZ]+))?(-wal|-shm|-journal)?|\.backup\..{6}|images|layers|pods|sandboxes|containers|probes|seccomp|log|pki)$/;
const STATE_ENTRIES =
  /^(api\.(sock|json)|cri\.sock|lock(\.pid|-journal)?|\.[lk].{6}|ns|sandboxes|containers|exits|crun|handlers|attach|cni|init)$/;

/** Rejects with `FailedPrecondition` while a daemon runs the instance, and with what could not be removed after trying all. */
export async function resetInstance(
  options: NodeOptions = {},
  { log = noLog }: { readonly log?: Logger } = {},
): Promise<void> {
  const instance = instanceOf(options);
  const holder = await lockHolder(instance);
  if (holder !== undefined) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot reset instance "${instance.name}": process ${holder} runs it; stop it first (kill ${holder})`,
    );
  }
  const podUids = await knownPods(instance);
  await using undo = new AsyncDisposableStack();
  // Without a state folder nothing can run there.
  if (await exists(instance.state)) undo.use(await lockInstance(instance));
  const host = undo.use(await createHost({ log, clock: systemClock }));
  const network = createNetwork({
    host,
    instance,
    log,
    ...(options.cniConfDir === undefined ? {} : { confDir: options.cniConfDir }),
    ...(options.cniBinDirs === undefined ? {} : { binDirs: options.cniBinDirs }),
  });
  const failures: string[] = [];
  const attempt = async (task: () => Promise<void>): Promise<void> => {
    await task().catch((error: unknown) => void failures.push(messageOf(error)));
  };
  await attempt(() => destroyInstance({ host, instance, network, log }));
  await attempt(() => removePodLogs(instance, podUids));
  await attempt(() => removeEntries(host, instance.root, ROOT_ENTRIES));
  await attempt(() => removeEntries(host, instance.state, STATE_ENTRIES));
  if (failures.length > 0) {
    throw new MinkeError("Internal", `Cannot reset all of instance "${instance.name}": ${failures.join("; ")}`);
  }
}

/** UIDs of the Pods that left a trace in the instance's folders; the logs of others are not ours. */
async function knownPods(instance: Instance): Promise<ReadonlySet<string>> {
  return new Set(await namesIn(join(instance.root, "pods")));
}

/** Removes the log folders of these Pods, and the links that led into them. */
async function removePodLogs(instance: Instance, podUids: ReadonlySet<string>): Promise<void> {
  const own = instance.podLogs.startsWith(`${instance.root}/`);
  const folders = (await namesIn(instance.podLogs)).filter((name) => own || podUids.has(name.split("_").at(-1) ?? ""));
  const removed = folders.map((name) => join(instance.podLogs, name));
  for (const name of await namesIn(instance.containerLogs)) {
    const link = join(instance.containerLogs, name);
    const target = await readlink(link).catch(() => "");
    if (removed.some((folder) => target.startsWith(`${folder}/`))) await rm(link, { force: true });
  }
  for (const folder of removed) await rm(folder, { recursive: true, force: true });
}

/** Removes our entries of a folder, and the folder when nothing else is in it. Never goes through a mount. */
async function removeEntries(host: Host, folder: string, ours: RegExp): Promise<void> {
  for (const { target } of await host.mount.list(folder)) if (target !== folder) await host.mount.unmount(target);
  const left = (await host.mount.list(folder)).filter(({ target }) => target !== folder);
  if (left.length > 0) throw new Error(`${left[0]!.target} is still mounted, so ${folder} was not removed`);
  for (const name of await namesIn(folder)) {
    if (ours.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
  await rmdir(folder).catch((error: unknown) => {
    // Not ours: something else in it, a mount point, or it never was.
    if (!["ENOENT", "ENOTEMPTY", "EBUSY"].includes(errnoOf(error) ?? "")) throw error;
  });
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
}
