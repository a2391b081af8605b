/** Finding and running CNI plugins. CNI SPEC.md, section 2 (execution protocol). */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { MinkeError } from "../../base/errors.ts";
import type { ProcessHost } from "../../host/host.ts";
import { pluginError } from "./plugin-error.ts";

/** Where plugins are looked for: upstream's place, then Debian's. */
export const DEFAULT_BIN_DIRS: readonly string[] = ["/opt/cni/bin", "/usr/lib/cni"];

/** Milliseconds that one plugin may take. */
const PLUGIN_TIMEOUT_MS = 60_000;

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The name of the Pod's interface; Kubernetes knows no other. */
export const INTERFACE = "eth0";

export interface PluginRequest {
  readonly command: "ADD" | "DEL" | "CHECK" | "GC";
  readonly type: string;
  /** Name of the network, for messages. */
  readonly network: string;
  readonly sandboxId: string;
  /** Empty when the namespace is gone. */
  readonly netnsPath: string;
  /** CNI_ARGS. */
  readonly args: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

export interface Plugins {
  /** The path of plugin `type`; undefined when no directory has it. */
  find(type: string): Promise<string | undefined>;
  /** Runs a plugin; returns what it printed. Rejects with the plugin's own error. */
  run(request: PluginRequest): Promise<string>;
  /** The protocol versions that plugin `type` supports; asked once per plugin. */
  versions(type: string): Promise<readonly string[]>;
}

export function createPlugins(process: ProcessHost, binDirs: readonly string[]): Plugins {
  const found = new Map<string, string>();
  const versions = new Map<string, readonly string[]>();

  const find = async (type: string): Promise<string | undefined> => {
    const known = found.get(type);
    if (known !== undefined) return known;
    for (const directory of binDirs) {
      const path = join(directory, type);
      const executable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (!executable) continue;
      found.set(type, path);
      return path;
    }
    return undefined;
  };

  const need = async (type: string): Promise<string> => {
    const path = await find(type);
    if (path !== undefined) return path;
    throw new MinkeError("FailedPrecondition", missingPlugin(type, binDirs), {
      reason: "CreatePodSandboxError",
      details: { plugin: type, binDirs },
    });
  };

  const environment = (command: string): Record<string, string> => ({
    PATH: SYSTEM_PATH,
    CNI_COMMAND: command,
    CNI_PATH: binDirs.join(delimiter),
    // Plugins are short Go programs: one thread of Go code instead of one per CPU saves a fifth of their CPU time.
    GOMAXPROCS: "1",
  });

  return {
    find,
    run: async (request) => {
      const path = await need(request.type);
      const completed = await process.run({
        argv: [path],
        env: {
          ...environment(request.command),
          CNI_CONTAINERID: request.sandboxId,
          CNI_NETNS: request.netnsPath,
          CNI_IFNAME: INTERFACE,
          CNI_ARGS: request.args,
        },
        stdin: JSON.stringify(request.config),
        timeoutMs: PLUGIN_TIMEOUT_MS,
        ...(request.signal ? { signal: request.signal } : {}),
      });
      if (completed.code === 0) return completed.stdout;
      if (completed.code === 127) found.delete(request.type);
      throw pluginError(request, completed);
    },
    versions: async (type) => {
      const known = versions.get(type);
      if (known) return known;
      const path = await need(type);
      const completed = await process.run({
        argv: [path],
        env: environment("VERSION"),
        stdin: '{"cniVersion":"1.0.0"}',
        timeoutMs: PLUGIN_TIMEOUT_MS,
      });
      const supported = parseVersions(completed.stdout);
      versions.set(type, supported);
      return supported;
    },
  };
}

/** The message for a plugin that is not installed. */
export function missingPlugin(type: string, binDirs: readonly string[]): string {
  return (
    `Cannot find CNI plugin "${type}" in ${binDirs.join(", ")}: it is not installed; ` +
    "install the CNI plugins (Debian and Ubuntu: apt-get install containernetworking-plugins)"
  );
}

function parseVersions(stdout: string): readonly string[] {
  try {
    const value = JSON.parse(stdout) as { supportedVersions?: unknown };
    return Array.isArray(value.supportedVersions)
      ? value.supportedVersions.filter((version) => typeof version === "string")
      : [];
  } catch {
    return [];
  }
}
