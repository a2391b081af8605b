/** The user namespace of a sandbox: which ones are taken, whose its files are, and whether this host can do it. */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import { messageOf, MinkeError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { IdMapping, SandboxConfig, UserNamespace } from "../runtime.ts";
import type { OciHandler, Scope } from "../scope.ts";

const OTHERS_MAY_PASS = 0o001;
/** Ids have 32 bits, and -1 means "no change" to the kernel. */
const IDS_END = 2 ** 32 - 1;

/**
 * Rejects what the contract rules out with `InvalidArgument`, and what this host can not do with `FailedPrecondition`. One
 * mapping each, as containerd and CRI-O have it; Kubernetes forbids a mix with the host's namespaces (hostUsers of a Pod).
 */
export async function requireUserNamespace(scope: Scope, config: SandboxConfig, handler: OciHandler): Promise<void> {
  const { user, network, pid, ipc } = config.namespaces;
  if (!user) return;
  const why =
    refusal("uid", user.uidMappings) ??
    refusal("gid", user.gidMappings) ??
    ([network, pid, ipc].includes("node") ? "it uses a namespace of the host beside it" : undefined);
  const { name, namespace } = config.metadata;
  const action = `Cannot run sandbox ${namespace}/${name} in a user namespace`;
  if (why !== undefined) throw new MinkeError("InvalidArgument", `${action}: ${why}`, { details: { user } });
  const reason = await whyNoUserNamespaces(scope, handler);
  if (reason !== undefined) throw new MinkeError("FailedPrecondition", `${action}: ${reason}`);
}

function refusal(kind: "uid" | "gid", mappings: readonly IdMapping[]): string | undefined {
  const [mapping, ...more] = mappings;
  if (!mapping || more.length > 0) return `it has ${mappings.length} ${kind} mappings, and must have one`;
  const { containerId, hostId, size } = mapping;
  if (containerId !== 0) return `its ${kind} mapping begins at ${containerId}, and must map id 0`;
  const valid = [hostId, size].every((n) => Number.isInteger(n)) && hostId >= 0 && size > 0 && hostId + size <= IDS_END;
  return valid ? undefined : `its ${kind} mapping of ${size} ids from ${hostId} on is none`;
}

/** The ids outside of who is root inside; undefined without a user namespace. */
export function rootIds({
  namespaces: { user },
}: SandboxConfig): { readonly uid: number; readonly gid: number } | undefined {
  return user && { uid: user.uidMappings[0]!.hostId, gid: user.gidMappings[0]!.hostId };
}

/** Why no container can be made in a user namespace; undefined when it can. */
async function whyNoUserNamespaces(scope: Scope, handler: OciHandler): Promise<string | undefined> {
  const { userNamespaces, version } = await handler.abilities();
  if (!userNamespaces) return `${version} has no user namespaces`;
  return await scope.userNamespaces();
}

/** Whether containers can be made in a user namespace. */
export async function hasUserNamespaces(scope: Scope, handler: OciHandler): Promise<boolean> {
  return (await whyNoUserNamespaces(scope, handler)) === undefined;
}

const PROBE: UserNamespace = {
  uidMappings: [{ containerId: 0, hostId: 100_000, size: 65_536 }],
  gidMappings: [{ containerId: 0, hostId: 100_000, size: 65_536 }],
};

/**
 * Does what a container needs, on the file system where containers are: a namespace, and an overlay of shifted layers.
 * undefined when it works, else why not.
 */
export async function probeUserNamespaces({
  host,
  layout,
}: Pick<Scope, "host" | "layout">): Promise<string | undefined> {
  const folder = join(layout.probes, newId());
  const user = join(layout.namespaces, newId(), "user");
  const closed = ancestors(layout.bundles).find((path) => (statSync(path).mode & OTHERS_MAY_PASS) === 0);
  if (closed !== undefined) return `its root could not pass ${closed}; chmod o+x it`;
  const [lower, target, upper, work] = ["lower", "target", "upper", "work"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  try {
    for (const path of [lower, target, upper, work]) mkdirSync(path, { recursive: true });
    await host.namespace.pin({ paths: { user }, user: PROBE });
    await host.mount.overlay({ lower: [lower], upper, work, target, userns: user });
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    await host.mount.unmount(target);
    await host.namespace.unpin(user);
    rmSync(join(user, ".."), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

function ancestors(path: string): readonly string[] {
  return path === dirname(path) ? [path] : [...ancestors(dirname(path)), path];
}
