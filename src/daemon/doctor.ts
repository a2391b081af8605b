/** What this host lacks, for the node that these options describe. */
import { checkRequirements } from "../host/requirements.ts";
import type { Requirement } from "../host/requirements.ts";
import { instanceOf } from "../host/instance.ts";
import type { NodeOptions } from "./options.ts";

/** Every requirement, found or missing, with its remedy. Changes nothing, never rejects but for bad options. */
export async function doctor(options: NodeOptions = {}): Promise<readonly Requirement[]> {
  const { crun, conmon, perl, cgroupDriver, cniBinDirs, cniConfDir } = options;
  return checkRequirements({
    root: instanceOf(options).root,
    embeddedNetwork: cniConfDir === undefined,
    ...(crun === undefined ? {} : { crun }),
    ...(conmon === undefined ? {} : { conmon }),
    ...(perl === undefined ? {} : { perl }),
    ...(cgroupDriver === undefined ? {} : { cgroupDriver }),
    ...(cniBinDirs === undefined ? {} : { cniBinDirs }),
  });
}
