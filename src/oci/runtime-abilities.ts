/**
 * What an OCI runtime can do on this kernel. `runc features`, and that of newer cruns, tells it (runtime-spec: features.md);
 * of an older crun the version does.
 */
import { release } from "node:os";

import type { Completed, Host } from "../host/host.ts";

export interface RuntimeAbilities {
  /** Name and version: `crun 1.8.1`. */
  readonly version: string;
  /** The mount option `rro`. */
  readonly recursiveReadonly: boolean;
  readonly userNamespaces: boolean;
}

/** crun has `rro` from 1.4 on; it needs mount_setattr(2), which Linux has from 5.12 on. */
const RRO_SINCE = [1, 4] as const;
const MOUNT_SETATTR_SINCE = [5, 12] as const;

/** Asks the program at `binary`. What does not answer can do nothing. */
export async function runtimeAbilities(host: Pick<Host, "process">, binary: string): Promise<RuntimeAbilities> {
  const ask = async (arg: string): Promise<Completed> => await host.process.run({ argv: [binary, arg] });
  const [version, features] = await Promise.all([ask("--version"), ask("features")]);
  return parseAbilities(version.stdout, features.code === 0 ? features.stdout : "", release());
}

export function parseAbilities(versionText: string, featuresText: string, kernel: string): RuntimeAbilities {
  const [, name = "", number = ""] = /^(\S+) version (\S+)/.exec(versionText) ?? [];
  const told = parseFeatures(featuresText);
  const rro = told ? told.mountOptions?.includes("rro") === true : name === "crun" && isAtLeast(number, RRO_SINCE);
  return {
    version: `${name} ${number}`.trim(),
    recursiveReadonly: rro && isAtLeast(kernel, MOUNT_SETATTR_SINCE),
    userNamespaces: told ? told.linux?.namespaces?.includes("user") === true : name === "crun",
  };
}

interface Features {
  readonly mountOptions?: readonly string[];
  readonly linux?: { readonly namespaces?: readonly string[] };
}

function parseFeatures(text: string): Features | undefined {
  try {
    return JSON.parse(text) as Features;
  } catch {
    return undefined;
  }
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
