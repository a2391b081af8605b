/** Taking a sandbox apart: the one way down, for stop, for the undo of a failed run, and for recovery. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import { PINNED_NAMESPACES } from "../../host/host.ts";
import { sandboxPaths } from "../layout.ts";
import type { SandboxRecord } from "../records.ts";
import { defaultHandler, type Attachment, type Scope } from "../scope.ts";
import { releaseCgroup } from "./cgroup.ts";
import { initId } from "./init.ts";

/**
 * Kills what runs in the sandbox, gives the network back, unpins, unmounts, removes its cgroup and its state directory. A
 * cgroup that another sandbox uses stays, with what runs in that one: a Pod's next sandbox has the cgroup of a lost one.
 * Every step is tried and none minds that its object is gone; the first failure is thrown when all have been.
 */
export async function dismantle(scope: Scope, record: SandboxRecord): Promise<void> {
  const { host, layout } = scope;
  const { crun } = defaultHandler(scope);
  const paths = sandboxPaths(layout, record.id);
  const failures: unknown[] = [];
  const attempt = async (task: Promise<unknown>): Promise<void> =>
    void (await task.catch((e: unknown) => failures.push(e)));

  const processes = async (): Promise<void> => {
    const deleteInit = async (): Promise<void> => {
      if (record.config.namespaces.pid === "pod") await attempt(crun.delete(initId(record.id), { force: true }));
    };
    await attempt(releaseCgroup(scope, record, deleteInit));
  };
  const networking = async (): Promise<void> => {
    await attempt(detach(scope, record));
    await attempt(unpinAll(scope, paths.namespaces));
  };
  const ended = scope.locks.run(record.cgroupPath, processes);
  await Promise.all([ended, networking(), attempt(host.mount.unmount(paths.shm))]);
  if (failures.length > 0) throw failures[0];
  rmSync(paths.state, { recursive: true, force: true });
}

async function detach(scope: Scope, record: SandboxRecord): Promise<void> {
  const attachment = attachmentOf(record);
  if (attachment) await scope.network.del(attachment);
}

/** Unpins every namespace in the directory, and removes it. */
export async function unpinAll(scope: Pick<Scope, "host">, directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  await Promise.all(PINNED_NAMESPACES.map(async (kind) => scope.host.namespace.unpin(join(directory, kind))));
  rmSync(directory, { recursive: true, force: true });
}

/** What CNI needs to know; undefined with the host's network. */
export function attachmentOf(record: SandboxRecord): Attachment | undefined {
  const { net } = record.namespacePaths;
  if (net === undefined) return undefined;
  const { name, namespace, uid } = record.config.metadata;
  return {
    sandboxId: record.id,
    netnsPath: net,
    podName: name,
    podNamespace: namespace,
    podUid: uid,
    portMappings: record.config.portMappings,
  };
}
