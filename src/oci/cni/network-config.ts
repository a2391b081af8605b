/**
 * CNI network configurations: reading the user's directory, and the shape that everything here works with.
 * Facts: containernetworking/cni SPEC.md, section 1 (configuration format), versions 0.3.0 to 1.1.0.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, MinkeError } from "../../base/errors.ts";

/** Versions of the protocol that this client speaks. */
const SUPPORTED = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/** One plugin's part of a list, as it is handed to the plugin. */
export interface PluginConfig {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

export interface NetworkConfig {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  /** The network is shared with other runtimes, whose attachments a GC would take for garbage. */
  readonly disableGC: boolean;
  readonly plugins: readonly PluginConfig[];
}

/** The configuration in the lexically first `.conf`, `.conflist` or `.json` file; undefined when there is none. */
export async function loadNetworkConfig(directory: string): Promise<NetworkConfig | undefined> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const first = names.filter((name) => /\.(conf|conflist|json)$/.test(name)).sort()[0];
  if (first === undefined) return undefined;
  const path = join(directory, first);
  return parseNetworkConfig(await readFile(path, "utf8"), path);
}

/** Reads a plain configuration or a list; `path` is for messages. */
export function parseNetworkConfig(text: string, path: string): NetworkConfig {
  const fail = (why: string, cause?: unknown): MinkeError =>
    new MinkeError("InvalidArgument", `Cannot use CNI configuration "${path}": ${why}; correct or remove the file`, {
      reason: "CreatePodSandboxError",
      details: { path },
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail("it is not JSON", error);
  }
  if (!isRecord(value)) throw fail("it is not a JSON object");
  if (typeof value["name"] !== "string" || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(value["name"])) {
    throw fail(
      `its name ${JSON.stringify(value["name"]) ?? ""} is missing or not made of letters, digits, "_", "." and "-"`,
    );
  }
  const plugins = value["plugins"] === undefined ? [value] : value["plugins"];
  if (!Array.isArray(plugins) || plugins.length === 0 || !plugins.every(isPlugin)) {
    throw fail('each of its plugins must be an object with a "type" that is a plain file name, and there must be one');
  }
  return {
    name: value["name"],
    cniVersion: versionOf(value, fail),
    disableCheck: value["disableCheck"] === true,
    disableGC: value["disableGC"] === true,
    plugins,
  };
}

/** `cniVersions` (1.1) lets the runtime choose; else `cniVersion` is the one. */
function versionOf(value: Record<string, unknown>, fail: (why: string) => MinkeError): string {
  const offered = Array.isArray(value["cniVersions"]) ? value["cniVersions"] : [];
  const chosen = SUPPORTED.filter((version) => version === value["cniVersion"] || offered.includes(version)).at(-1);
  if (chosen !== undefined) return chosen;
  const named = typeof value["cniVersion"] === "string" ? value["cniVersion"] : "missing";
  throw fail(`its cniVersion is ${named}; supported are ${SUPPORTED.join(", ")}`);
}

/** Whether version `a` is at least `b`; both of the form x.y.z. */
export function versionAtLeast(a: string, b: string): boolean {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlugin(value: unknown): value is PluginConfig {
  return isRecord(value) && typeof value["type"] === "string" && /^[^/\0]+$/.test(value["type"]);
}
