/**
 * What a host must have to run Pods, and what to type when it has not. `minke doctor` prints this, and the node checks it
 * before it starts. Nothing here changes anything.
 */
import type { CgroupDriver } from "./cgroup/driver.ts";
import { checkCgroups } from "./requirements/cgroups.ts";
import { checkKernel } from "./requirements/kernel.ts";
import { checkPrivileges } from "./requirements/privileges.ts";
import { checkPrograms } from "./requirements/programs.ts";
import { checkSpace } from "./requirements/space.ts";

export interface Requirement {
  /** Short and stable, such as `crun` or `cgroup controllers`. */
  readonly name: string;
  /** `missing`: Pods will not run. `warning`: something will work less well; the detail says what. */
  readonly status: "found" | "missing" | "warning";
  /** What was found, with its path, version or number. */
  readonly detail: string;
  /** The exact command, or the sentence, that mends it; empty when found. */
  readonly remedy: string;
}

export interface RequirementOptions {
  /** The node's root folder (images, layers, volumes), whose free space counts. It need not exist yet. */
  readonly root: string;
  /** The text of PATH in which programs are looked up; default that of this process. */
  readonly path?: string;
  /** Programs that the node was told to use instead of those in PATH. */
  readonly crun?: string;
  readonly conmon?: string;
  readonly perl?: string;
  /** Who is to make the cgroups of Pods; `auto`: systemd where it can be. Default `cgroupfs`. */
  readonly cgroupDriver?: CgroupDriver | "auto";
  /** Folders of CNI plugins, in order of preference. */
  readonly cniBinDirs?: readonly string[];
  /** False when Pods will have a network of their own configuration, which needs other plugins. Default true. */
  readonly embeddedNetwork?: boolean;
  /** Where `/` of the host is; a test gives a folder. Default `/`. */
  readonly system?: string;
}

/** All requirements, found or not, in the order in which they should be mended. Never rejects. */
export async function checkRequirements(options: RequirementOptions): Promise<readonly Requirement[]> {
  const system = options.system ?? "/";
  const parts = await Promise.all([
    checkPrivileges(system),
    checkKernel(system),
    checkPrograms(options, system),
    checkCgroups(system, options.cgroupDriver),
    checkSpace(options.root),
  ]);
  return parts.flat();
}

/** Whether Pods can run: nothing is `missing`. */
export function allMet(requirements: readonly Requirement[]): boolean {
  return requirements.every(({ status }) => status !== "missing");
}
