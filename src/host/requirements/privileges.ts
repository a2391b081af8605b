/** Who the process is, and what the kernel lets it do. */
import { join } from "node:path";

import { readIfExists } from "../files.ts";
import type { Requirement } from "../requirements.ts";
import { found, missing, warning } from "./verdict.ts";

/** Bit numbers of linux/capability.h, and what does not work without. */
const NEEDED = { CAP_NET_ADMIN: 12, CAP_SYS_CHROOT: 18, CAP_SYS_ADMIN: 21, CAP_MKNOD: 27 } as const;
const CAP_SYS_RESOURCE = 24;

export async function checkPrivileges(system: string): Promise<Requirement[]> {
  const status = (await readIfExists(join(system, "proc/self/status"))) ?? "";
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(status)?.[1];
  const capabilities = BigInt(`0x${effective ?? "0"}`);
  const has = (bit: number): boolean => ((capabilities >> BigInt(bit)) & 1n) === 1n;
  const lacking = Object.entries(NEEDED).filter(([, bit]) => !has(bit));
  return [
    uid === "0"
      ? found("root", "running as root")
      : missing("root", `running as user ${uid ?? "?"}`, "run it with sudo"),
    lacking.length === 0
      ? found("capabilities", "all that containers need")
      : missing(
          "capabilities",
          `lacking ${lacking.map(([name]) => name).join(", ")}`,
          "give them to the service or the container that runs Minke: all of them, as with --privileged",
        ),
    has(CAP_SYS_RESOURCE)
      ? found("CAP_SYS_RESOURCE", "present")
      : warning(
          "CAP_SYS_RESOURCE",
          "absent: resource limits can not be raised, and oom_score_adj can not be lowered",
          "give CAP_SYS_RESOURCE to the service or the container that runs Minke; Pods run without it",
        ),
  ];
}
