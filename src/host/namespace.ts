/** The real {@link NamespaceHost}: the agent makes and pins; reading needs no more than stat. */
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

import { MinkeError } from "../base/errors.ts";
import { ensureFolder } from "./files.ts";
import { type NamespaceHost, PINNED_NAMESPACES, type PinRequest } from "./host.ts";
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
  const sysctls = Object.entries(request.sysctls ?? {});
  for (const [name, value] of sysctls) checkSysctl(name, value);
  for (const folder of new Set(paths.map((path) => dirname(path)))) await ensureFolder(folder);
  const pairs = kinds.flatMap((kind, i) => [kind, paths[i]!]);
  try {
    await agent.call("pin", [request.hostname ?? "", kinds.length, ...pairs, ...sysctls.flat()], {
      action: `pin namespaces at ${paths.join(", ")}`,
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    throw error instanceof AgentFailure ? pinError(error, paths) : error;
  }
}

/** A dotted name becomes a path below /proc/sys, and must not leave it. */
function checkSysctl(name: string, value: string): void {
  if (/^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+$/i.test(name) && !value.includes("\0")) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot set sysctl "${name}": the name must be in dotted form such as net.core.somaxconn`,
    { details: { sysctl: name } },
  );
}

function pinError(error: AgentFailure, paths: readonly string[]): MinkeError {
  const { stage, errnoName, subject } = error;
  if (stage === "sysctl") {
    const why =
      errnoName === "ENOENT"
        ? "this kernel has no such sysctl in a namespace of its own"
        : errnoName === "EINVAL"
          ? "the kernel refuses the value"
          : (errnoName ?? "it failed");
    return new MinkeError("InvalidArgument", `Cannot set sysctl ${subject}: ${why}`, {
      cause: error,
      details: { sysctl: subject.split("=")[0], errno: errnoName },
    });
  }
  if (stage === "pin") {
    return new MinkeError("AlreadyExists", `Cannot pin a namespace at ${subject}: there is one already; unpin it`, {
      cause: error,
    });
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
