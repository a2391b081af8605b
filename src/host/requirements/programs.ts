/** The programs that Minke stands on, and the packages that bring them. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

import type { Requirement, RequirementOptions } from "../requirements.ts";
import { found, missing, warning } from "./verdict.ts";

/** Where distributions put CNI plugins. */
export const CNI_BIN_DIRS: readonly string[] = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];
const CNI_PLUGINS = ["bridge", "host-local", "portmap"] as const;

interface Program {
  readonly name: string;
  readonly install: string;
  /** What does not work without; absent when nothing works. */
  readonly without?: string;
}

const PROGRAMS: readonly Program[] = [
  { name: "perl", install: "apt-get install perl-base" },
  { name: "crun", install: "apt-get install crun" },
  { name: "conmon", install: "apt-get install conmon" },
  { name: "tar", install: "apt-get install tar" },
  {
    name: "catatonit",
    install: "apt-get install catatonit",
    without: "Pods with shareProcessNamespace are refused",
  },
];

/** Of the embedded network. The portmap plugin writes host ports with iptables. */
const NETWORK_PROGRAMS: readonly Program[] = [
  {
    name: "iptables",
    install: "apt-get install iptables",
    without: "Pods have no way out of this host, and no host ports",
  },
  { name: "ip", install: "apt-get install iproute2", without: "Pods do not reach the API" },
];

export async function checkPrograms(options: RequirementOptions, system: string): Promise<Requirement[]> {
  const folders = (options.path ?? process.env["PATH"] ?? "").split(":").filter((folder) => folder !== "");
  const override: Readonly<Record<string, string | undefined>> = {
    crun: options.crun,
    conmon: options.conmon,
    perl: options.perl,
  };
  const embedded = options.embeddedNetwork !== false;
  const programs = [...PROGRAMS, ...(embedded ? NETWORK_PROGRAMS : [])].map(async ({ name, install, without }) => {
    const wanted = override[name] ?? name;
    const path = await findProgram(wanted, folders, system);
    if (path !== undefined) return found(name, path);
    const where = wanted.includes("/") ? `${wanted} is not there` : `not in PATH (${folders.join(":")})`;
    return without === undefined ? missing(name, where, install) : warning(name, `${where}: ${without}`, install);
  });
  return await Promise.all([...programs, ...(embedded ? [checkPlugins(options, system)] : [])]);
}

async function checkPlugins(options: RequirementOptions, system: string): Promise<Requirement> {
  const folders = options.cniBinDirs ?? CNI_BIN_DIRS;
  const paths = await Promise.all(CNI_PLUGINS.map(async (name) => await findProgram(name, folders, system)));
  const lacking = CNI_PLUGINS.filter((_, i) => paths[i] === undefined);
  return lacking.length === 0
    ? found("CNI plugins", paths.join(", "))
    : missing(
        "CNI plugins",
        `${lacking.join(", ")} in none of ${folders.join(", ")}`,
        "apt-get install containernetworking-plugins",
      );
}

async function findProgram(name: string, folders: readonly string[], system: string): Promise<string | undefined> {
  const paths = isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name));
  for (const path of paths) {
    try {
      await access(join(system, path), constants.X_OK);
      return path;
    } catch {
      // looked for in the next folder
    }
  }
  return undefined;
}
