/** Whether a process can be confined by an AppArmor profile (Linux: Documentation/admin-guide/LSM/apparmor.rst). */
import { readFile } from "node:fs/promises";

import { MinkeError } from "../base/errors.ts";

const ENABLED = "/sys/module/apparmor/parameters/enabled";
const PROFILES = "/sys/kernel/security/apparmor/profiles";

/** Where the kernel tells it; a test gives its own. */
export interface ApparmorFiles {
  readonly enabled: string;
  readonly profiles: string;
}

/**
 * The profile to write into a spec; undefined for `unconfined` and for none. Rejects a profile that is not loaded, and any on
 * a host without AppArmor, with `FailedPrecondition`: the kernel would show it only when the process starts.
 */
export async function apparmorProfile(
  name: string | undefined,
  files: ApparmorFiles = { enabled: ENABLED, profiles: PROFILES },
): Promise<string | undefined> {
  if (name === undefined || name === "unconfined") return undefined;
  const enabled = await readFile(files.enabled, "utf8").catch(() => "N");
  if (!enabled.startsWith("Y")) throw refusal(name, "this host has no AppArmor; leave the profile out");
  const loaded = (await readFile(files.profiles, "utf8")).split("\n").map((line) => line.replace(/ \([a-z]+\)$/, ""));
  if (loaded.includes(name)) return name;
  throw refusal(name, "it is not loaded; load it with apparmor_parser");
}

function refusal(name: string, why: string): MinkeError {
  return new MinkeError("FailedPrecondition", `Cannot use AppArmor profile "${name}": ${why}`, {
    reason: "CreateContainerError",
    details: { apparmorProfile: name },
  });
}
