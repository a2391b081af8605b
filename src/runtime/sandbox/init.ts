/**
 * The init of a shared PID namespace: `catatonit -P`, which does nothing but wait and reap. It has a mount namespace and a
 * root file system with nothing but itself, no capabilities, and joins the sandbox' other namespaces. A sandbox whose
 * containers have PID namespaces of their own needs no process at all.
 */
import { chmod, copyFile, mkdir, rename, writeFile } from "node:fs/promises";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { MinkeError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { ContainerCgroup } from "../../oci/container-cgroup.ts";
import type { RuntimeSpec, SpecMount, SpecNamespace } from "../../oci/runtime-spec.ts";
import { userMappings } from "../../oci/user-mappings.ts";
import { sandboxPaths } from "../layout.ts";
import type { ProcessRef, SandboxRecord } from "../records.ts";
import { defaultHandler, refOf, type Privileges, type Scope } from "../scope.ts";

/** Where distributions put it; the first is Debian's and Ubuntu's. */
const PROGRAM_PATHS = ["/usr/bin/catatonit", "/usr/libexec/catatonit/catatonit", "/usr/libexec/podman/catatonit"];
/** As the kubelet protects a sandbox' own process; clamped to what the daemon may set. */
const OOM_SCORE_ADJ = -998;

const PLAIN = ["nosuid", "noexec", "nodev"];
/**
 * crun puts devices and links there. In the root file system that all have in common two inits that start at once would
 * meet, and root of a user namespace may not do it.
 */
const DEV: SpecMount = {
  destination: "/dev",
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "mode=755", "size=64k"],
};

/** crun's name of a sandbox' init. */
export function initId(sandboxId: string): string {
  return `${sandboxId}-init`;
}

/** The cgroup of a sandbox' init: its own, for a lost sandbox and its successor have the parent in common. */
export function initCgroup(
  scope: Pick<Scope, "handlers">,
  { id, cgroupPath }: Pick<SandboxRecord, "id" | "cgroupPath">,
): ContainerCgroup {
  return defaultHandler(scope).crun.cgroupOf(cgroupPath, initId(id));
}

/** Starts the init and tells its process. */
export async function startInit(scope: Scope, record: SandboxRecord, signal?: AbortSignal): Promise<ProcessRef> {
  const bundle = sandboxPaths(scope.layout, record.id).init;
  const [rootfs, privileges] = await Promise.all([
    ensureRootfs(scope.layout.initRootfs),
    scope.privileges(record.cgroupPath),
  ]);
  mkdirSync(bundle, { mode: 0o700 });
  await writeFile(join(bundle, "config.json"), JSON.stringify(initSpec(scope, record, rootfs, privileges)));
  const pidFile = join(bundle, "pidfile");
  await defaultHandler(scope).crun.runDetached(initId(record.id), bundle, pidFile, signal);
  const process = refOf(scope, Number.parseInt(readFileSync(pidFile, "utf8"), 10));
  if (process) return process;
  throw new MinkeError(
    "Internal",
    `Cannot run sandbox ${record.id.slice(0, 12)}: the init of its PID namespace ended at once`,
  );
}

/** One root file system for all, made when it is first needed. */
async function ensureRootfs(rootfs: string): Promise<string> {
  const program = join(rootfs, "catatonit");
  if (existsSync(program)) return rootfs;
  const source = PROGRAM_PATHS.find((path) => existsSync(path));
  if (source === undefined) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot share a PID namespace: catatonit is not installed (looked at ${PROGRAM_PATHS.join(", ")}); install the package catatonit`,
    );
  }
  await chmod(rootfs, 0o755); // root of a user namespace reads it as any other
  await Promise.all(["proc", "dev"].map((name) => mkdir(join(rootfs, name), { recursive: true })));
  const temporary = `${program}.${newId().slice(0, 8)}`;
  await copyFile(source, temporary);
  await rename(temporary, program);
  return rootfs;
}

function initSpec(scope: Scope, record: SandboxRecord, rootfs: string, privileges: Privileges): RuntimeSpec {
  const { net, ipc, uts, user } = record.namespacePaths;
  const namespaces: SpecNamespace[] = [{ type: "mount" }, { type: "pid" }];
  if (user !== undefined) namespaces.push({ type: "user", path: user });
  if (net !== undefined) namespaces.push({ type: "network", path: net });
  if (ipc !== undefined) namespaces.push({ type: "ipc", path: ipc });
  if (uts !== undefined) namespaces.push({ type: "uts", path: uts });
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0, additionalGids: [] },
      args: ["/catatonit", "-P"],
      env: ["PATH=/"],
      cwd: "/",
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      noNewPrivileges: true,
      oomScoreAdj: Math.max(OOM_SCORE_ADJ, privileges.oomScoreAdjMin),
    },
    root: { path: rootfs, readonly: true },
    mounts: [{ destination: "/proc", type: "proc", source: "proc", options: PLAIN }, DEV],
    annotations: defaultHandler(scope).crun.cgroupAnnotations({}),
    linux: {
      namespaces,
      ...userMappings(record.config.namespaces.user),
      cgroupsPath: initCgroup(scope, record).cgroupsPath,
      resources: { devices: [{ allow: false, access: "rwm" }] },
      devices: [],
      maskedPaths: [],
      readonlyPaths: [],
    },
  };
}
