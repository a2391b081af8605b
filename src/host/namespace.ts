/** The real {@link NamespaceHost}: the agent makes and pins; reading needs no more than stat. */
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

import { MinkeError } from "../base/errors.ts";
import { ensureFolder } from "./files.ts";
import { type IdMapping, type NamespaceHost, PINNED_NAMESPACES, type PinRequest } from "./host.ts";
import { type Agent, AgentFailure } from "./process/agent.ts";

/** Milliseconds that one system call, or a handful, may take. */
const TIMEOUT_MS = 30_000;
/** NSFS_MAGIC of linux/magic.h: what statfs says of a namespace file. */
const NSFS_MAGIC = 0x6e736673;

export function createNamespaceHost(agent: Agent): NamespaceHost {
  return {
    pin: async (request) => await pin(agent, request),
    unpin: async (path) => {
      try {
        await agent.call("unpin", [path], { action: `unpin ${path}`, timeoutMs: TIMEOUT_MS });
      } catch (error) {
        throw error instanceof AgentFailure
          ? new MinkeError("Internal", `Cannot unpin ${path}: ${error.message}`, { cause: error })
          : error;
      }
    },
    inode,
  };
}

async function pin(agent: Agent, request: PinRequest): Promise<void> {
  const kinds = PINNED_NAMESPACES.filter((kind) => request.paths[kind] !== undefined);
  const paths = kinds.map((kind) => request.paths[kind]!);
  const sysctls = new Map(
    Object.entries(request.sysctls ?? {}).map(([name, value]) => [sysctlPath(name), { name, value }]),
  );
  for (const folder of new Set(paths.map((path) => dirname(path)))) await ensureFolder(folder);
  const pairs = kinds.flatMap((kind, i) => [kind, paths[i]!]);
  try {
    const settings = [...sysctls].flatMap(([path, { value }]) => [path, value]);
    const ids = [idMap(request.user?.uidMappings), idMap(request.user?.gidMappings)];
    await agent.call("pin", [request.hostname ?? "", ...ids, kinds.length, ...pairs, ...settings], {
      action: `pin namespaces at ${paths.join(", ")}`,
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    if (!(error instanceof AgentFailure)) throw error;
    const sysctl = error.stage === "sysctl" ? sysctls.get(error.subject) : undefined;
    throw sysctl ? sysctlError(error, sysctl) : pinError(error, paths);
  }
}

/** As /proc/PID/uid_map has it. */
function idMap(mappings: readonly IdMapping[] = []): string {
  return mappings.map(({ containerId, hostId, size }) => `${containerId} ${hostId} ${size}\n`).join("");
}

/**
 * A sysctl's path below /proc/sys. Names come as sysctl(8) and Kubernetes take them: separated by dots, where a slash
 * stands for a dot inside a part (`net.ipv4.conf.eth0/100.rp_filter`), or the other way round when a slash comes first.
 */
export function sysctlPath(name: string): string {
  const dotted = /^[^./]*\//.test(name) ? swapSeparators(name) : name;
  const path = swapSeparators(dotted);
  const valid = /^[a-z0-9][a-z0-9._/-]*$/i.test(path) && path.split("/").every((part) => !/^\.{0,2}$/.test(part));
  if (valid && path.includes("/")) return path;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot set sysctl "${name}": the name must be in dotted form such as net.core.somaxconn`,
    { details: { sysctl: name } },
  );
}

function swapSeparators(name: string): string {
  return name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

function sysctlError(error: AgentFailure, { name, value }: { name: string; value: string }): MinkeError {
  const { errnoName } = error;
  const why =
    errnoName === "ENOENT"
      ? "this kernel has no such sysctl in a namespace of its own"
      : errnoName === "EINVAL"
        ? "the kernel refuses the value"
        : (errnoName ?? "it failed");
  return new MinkeError("InvalidArgument", `Cannot set sysctl ${name}=${value}: ${why}`, {
    cause: error,
    details: { sysctl: name, errno: errnoName },
  });
}

function pinError(error: AgentFailure, paths: readonly string[]): MinkeError {
  const { stage, subject } = error;
  if (stage === "pin") {
    return new MinkeError("AlreadyExists", `Cannot pin a namespace at ${subject}: there is one already; unpin it`, {
      cause: error,
    });
  }
  if (stage === "map") {
    const why = `Cannot make a user namespace with the ids ${subject.trim()}: ${error.errnoName}; give ranges that do not overlap`;
    return new MinkeError("InvalidArgument", why, { cause: error });
  }
  return new MinkeError("Internal", `Cannot pin namespaces at ${paths.join(", ")}: ${error.message}`, { cause: error });
}

async function inode(path: string): Promise<number | undefined> {
  try {
    const [file, filesystem] = await Promise.all([stat(path), statfs(path)]);
    return filesystem.type === NSFS_MAGIC ? file.ino : undefined;
  } catch {
    return undefined;
  }
}
