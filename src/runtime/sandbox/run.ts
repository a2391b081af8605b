/** Making a sandbox. */
import { mkdirSync } from "node:fs";
import { chown, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";

import { MinkeError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { PinnedNamespace } from "../../host/host.ts";
import { removeCheckpoint, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { watchInit } from "../events/watch-process.ts";
import { sandboxPaths } from "../layout.ts";
import type { ProcessRef, SandboxRecord } from "../records.ts";
import type { DnsConfig, Sandbox, SandboxConfig } from "../runtime.ts";
import { addSandbox, type OciHandler, type Scope } from "../scope.ts";
import { cgroupToMake, sandboxCgroup } from "./cgroup.ts";
import { attachmentOf, dismantle } from "./dismantle.ts";
import { startInit } from "./init.ts";
import { sandboxOf } from "./list.ts";
import { requireUserNamespace, rootIds } from "./user-namespace.ts";

/** Bytes of a Pod's /dev/shm. containerd: defaultShmSize. */
const SHM_BYTES = 64 * 1024 * 1024;

/**
 * Checkpoint, then namespaces, network, cgroup and files side by side, then the init when the PID namespace is shared. The
 * first failure undoes all of it, by the same idempotent steps that stop and recovery use.
 */
export async function runSandbox(scope: Scope, config: SandboxConfig, signal?: AbortSignal): Promise<Sandbox> {
  signal?.throwIfAborted();
  await requireUserNamespace(scope, config, requireHandler(scope, config));
  await using undo = new AsyncDisposableStack();
  const name = reserveName(scope, config, undo);
  const id = newId();
  const { uid } = config.metadata;
  using _whole = scope.trace.span(uid, "sandbox.run");
  const paths = sandboxPaths(scope.layout, id);
  const cgroupPath = sandboxCgroup(scope, id, config);
  const madeCgroup = await cgroupToMake(scope, config, cgroupPath);
  const begun = draft(scope, id, config, { cgroupPath, ...(madeCgroup === undefined ? {} : { madeCgroup }) });
  let record: SandboxRecord = begun;
  scope.making.add(begun);
  using _made = { [Symbol.dispose]: () => void scope.making.delete(begun) };
  undo.defer(() => removeCheckpoint(paths.checkpoint));
  writeCheckpoint(paths.checkpoint, record);
  undo.defer(() => dismantle(scope, record));
  mkdirSync(paths.state, { recursive: true, mode: 0o711 });
  if (Object.keys(record.namespacePaths).length > 0) mkdirSync(paths.namespaces, { recursive: true, mode: 0o700 });

  const cgroup = step(scope, uid, "sandbox.cgroup", () =>
    scope.locks.run(record.cgroupPath, () => scope.host.cgroup.create(record.cgroupPath, config.resources)),
  );
  const pinned = step(scope, uid, "sandbox.pin", () => pin(scope, record));
  const [ips, init] = await all([
    pinned.then(() => step(scope, uid, "sandbox.network", () => attach(scope, record, signal))),
    config.namespaces.pid === "pod"
      ? Promise.all([pinned, cgroup]).then(() =>
          step(scope, uid, "sandbox.init", () => startInit(scope, record, signal)),
        )
      : Promise.resolve(undefined),
    cgroup,
    step(scope, uid, "sandbox.shm", () => mountShm(scope, config, paths.shm)),
    step(scope, uid, "sandbox.files", () => writeFiles(config, paths)),
  ]);
  signal?.throwIfAborted();
  record = finished(record, ips, init);
  writeCheckpoint(paths.checkpoint, record);
  undo.move();
  const entry = addSandbox(scope, record);
  watchInit(scope, entry);
  scope.events.publish({ type: "sandbox", sandboxId: id, podUid: uid, owner: config.owner });
  scope.log.debug({ sandbox: id, name, ips }, "Made a sandbox");
  return sandboxOf(scope, entry);
}

/** What makes a sandbox unique. CRI: name, namespace, uid and attempt together. */
export function sandboxName(config: SandboxConfig): string {
  const { name, namespace, uid, attempt } = config.metadata;
  return [config.owner, namespace, name, uid, attempt].join("/");
}

function requireHandler(scope: Scope, { runtimeHandler, metadata }: SandboxConfig): OciHandler {
  const handler = scope.handlers.get(runtimeHandler);
  if (handler) return handler;
  const known = [...scope.handlers.keys()].filter((name) => name !== "").join(", ");
  throw new MinkeError(
    "InvalidArgument",
    `Cannot run sandbox ${metadata.namespace}/${metadata.name}: there is no runtime handler "${runtimeHandler}"; known are ${known}`,
    { details: { runtimeHandler } },
  );
}

function reserveName(scope: Scope, config: SandboxConfig, undo: AsyncDisposableStack): string {
  const name = sandboxName(config);
  if (scope.names.has(name)) {
    throw new MinkeError(
      "AlreadyExists",
      `Cannot run sandbox ${name}: one of the same owner, namespace, name, uid and attempt exists; remove it or raise the attempt`,
      { details: { name } },
    );
  }
  scope.names.add(name);
  undo.defer(() => void scope.names.delete(name));
  return name;
}

function draft(
  scope: Scope,
  id: string,
  config: SandboxConfig,
  cgroup: Pick<SandboxRecord, "cgroupPath" | "madeCgroup">,
): SandboxRecord {
  const { network, ipc, user } = config.namespaces;
  const directory = sandboxPaths(scope.layout, id).namespaces;
  const kinds: PinnedNamespace[] = [
    ...(network === "pod" ? (["net", "uts"] as const) : []),
    ...(ipc === "pod" ? (["ipc"] as const) : []),
    ...(user ? (["user"] as const) : []),
  ];
  if (kinds.length === 0 && Object.keys(config.sysctls).length > 0) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot set sysctls ${Object.keys(config.sysctls).join(", ")}: the sandbox uses the host's network and IPC namespaces`,
    );
  }
  return {
    id,
    config,
    createdMs: scope.clock.now(),
    ready: false,
    stopped: false,
    ips: [],
    namespacePaths: Object.fromEntries(kinds.map((kind) => [kind, `${directory}/${kind}`])),
    ...cgroup,
  };
}

function finished(record: SandboxRecord, ips: readonly string[], init: ProcessRef | undefined): SandboxRecord {
  if (!init) return { ...record, ips, ready: true };
  const namespacePaths = { ...record.namespacePaths, pid: `/proc/${init.pid}/ns/pid` };
  return { ...record, ips, namespacePaths, init, ready: true };
}

async function pin(scope: Scope, record: SandboxRecord): Promise<void> {
  const { config, namespacePaths } = record;
  if (Object.keys(namespacePaths).length === 0) return;
  await scope.host.namespace.pin({
    paths: namespacePaths,
    sysctls: config.sysctls,
    ...(config.namespaces.user ? { user: config.namespaces.user } : {}),
    ...(namespacePaths.uts === undefined || config.hostname === "" ? {} : { hostname: config.hostname }),
  });
}

async function attach(scope: Scope, record: SandboxRecord, signal?: AbortSignal): Promise<readonly string[]> {
  const attachment = attachmentOf(record);
  return attachment ? (await scope.network.add(attachment, signal)).ips : [];
}

async function mountShm(scope: Scope, config: SandboxConfig, target: string): Promise<void> {
  if (config.namespaces.ipc === "node") return;
  mkdirSync(target, { mode: 0o1777 });
  const root = rootIds(config);
  await scope.host.mount.mount({
    type: "tmpfs",
    source: "shm",
    target,
    flags: ["nosuid", "nodev", "noexec"],
    data: `mode=1777,size=${SHM_BYTES}${root ? `,uid=${root.uid},gid=${root.gid}` : ""}`,
  });
}

async function writeFiles(config: SandboxConfig, paths: ReturnType<typeof sandboxPaths>): Promise<void> {
  const name = config.namespaces.network === "node" || config.hostname === "" ? hostname() : config.hostname;
  const resolv = config.dns ? resolvConf(config.dns) : await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  const files = [
    [paths.resolvConf, resolv],
    [paths.hostname, `${name}\n`],
    ...(config.owner === "cri" ? [[paths.hosts, await readFile("/etc/hosts", "utf8").catch(() => "")] as const] : []),
  ] as const;
  const root = rootIds(config);
  await Promise.all(
    files.map(async ([path, text]) => {
      await writeFile(path, text);
      if (root) await chown(path, root.uid, root.gid);
    }),
  );
}

/** resolv.conf(5). */
export function resolvConf(dns: DnsConfig): string {
  const lines = [
    ...(dns.searches.length > 0 ? [`search ${dns.searches.join(" ")}`] : []),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(" ")}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

async function step<T>(scope: Scope, uid: string, name: string, task: () => Promise<T>): Promise<T> {
  using _span = scope.trace.span(uid, name);
  return await task();
}

/** As Promise.all, but settles only when all have: what still runs could make what the undo has just removed. */
async function all<T extends readonly unknown[]>(tasks: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const results = await Promise.allSettled(tasks as readonly Promise<unknown>[]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
