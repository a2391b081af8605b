/** What the kernel was built with and set to. */
import { join } from "node:path";

import { exists, readIfExists } from "../files.ts";
import type { Requirement } from "../requirements.ts";
import { found, missing, warning } from "./verdict.ts";

/** Oldest kernel that is tried: Debian 11's. */
const VERSION_MIN = [5, 10] as const;
const NAMESPACES = ["net", "ipc", "uts", "pid", "mnt"] as const;

export async function checkKernel(system: string): Promise<Requirement[]> {
  const read = async (path: string): Promise<string> => ((await readIfExists(join(system, path))) ?? "").trim();
  const [release, filesystems, forward] = await Promise.all([
    read("proc/sys/kernel/osrelease"),
    read("proc/filesystems"),
    read("proc/sys/net/ipv4/ip_forward"),
  ]);
  return [
    kernelVersion(release),
    await namespaces(system),
    await overlayfs(system, release, filesystems),
    (await exists(join(system, "proc/sys/kernel/seccomp")))
      ? found("seccomp", "the kernel has it")
      : warning(
          "seccomp",
          "the kernel does not have it: seccomp profiles are refused",
          "use a kernel with CONFIG_SECCOMP_FILTER",
        ),
    (await exists(join(system, "proc/self/ns/user")))
      ? found("user namespaces", "the kernel has them")
      : warning("user namespaces", "the kernel does not have them", "use a kernel with CONFIG_USER_NS"),
    forward === "1"
      ? found("ip_forward", "on")
      : warning(
          "ip_forward",
          "off: Pods reach no network beyond this host until it is on",
          "sysctl -w net.ipv4.ip_forward=1",
        ),
  ];
}

function kernelVersion(release: string): Requirement {
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const [majorMin, minorMin] = VERSION_MIN;
  return major > majorMin || (major === majorMin && minor >= minorMin)
    ? found("kernel", release)
    : warning(
        "kernel",
        `${release || "unknown"}: older than what is tested`,
        `use Linux ${VERSION_MIN.join(".")} or newer`,
      );
}

/** A module that is not loaded yet is loaded by the first mount. */
async function overlayfs(system: string, release: string, filesystems: string): Promise<Requirement> {
  if (/\boverlay$/m.test(filesystems)) return found("overlayfs", "the kernel has it");
  for (const modules of ["lib/modules", "usr/lib/modules"]) {
    const known = await readIfExists(join(system, modules, release, "modules.dep"));
    if (known !== undefined && /\/overlay\.ko[.\w]*:/.test(known)) {
      return found("overlayfs", "a module of the kernel, which loads it when it is needed");
    }
  }
  return missing("overlayfs", "the kernel does not have it, or has not loaded it", "modprobe overlay");
}

async function namespaces(system: string): Promise<Requirement> {
  const there = await Promise.all(NAMESPACES.map(async (kind) => await exists(join(system, "proc/self/ns", kind))));
  const lacking = NAMESPACES.filter((_, i) => !there[i]);
  return lacking.length === 0
    ? found("namespaces", NAMESPACES.join(", "))
    : missing(
        "namespaces",
        `the kernel lacks ${lacking.join(", ")}`,
        "use a kernel with CONFIG_NAMESPACES and its kinds",
      );
}
