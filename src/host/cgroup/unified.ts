/** Control files of cgroup v2 that a caller names itself. */
import { MinkeError } from "../../base/errors.ts";
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

/** A controller's file, such as `memory.high`; those of `cgroup.` itself are the runtime's. */
const NAME = /^(?!cgroup\.)[a-z]+(\.[A-Za-z0-9_]+)+$/;

export function unifiedV2({ unified = {} }: CgroupResources): ControlWrite[] {
  return Object.entries(unified).map(([file, value]) => {
    if (NAME.test(file)) return { file, value, field: `unified["${file}"]` };
    throw new MinkeError(
      "InvalidArgument",
      `Cannot set unified["${file}"]: it is not the name of a controller's file; give one such as memory.high`,
      { details: { file, value } },
    );
  });
}

/** Throws: v1 has no such files. */
export function refuseUnified({ unified = {} }: CgroupResources): void {
  const [name] = Object.keys(unified);
  if (name === undefined) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot set unified["${name}"]: this host has cgroup v1; use the fields of their own, or boot with cgroup v2`,
    { details: { unified } },
  );
}
