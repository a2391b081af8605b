/** Number of tasks: the `pids` controller, the same in v1 and v2. */
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

export function pidsMax({ pids }: CgroupResources): ControlWrite[] {
  return pids === undefined ? [] : [{ file: "pids.max", value: pids < 0 ? "max" : String(pids), field: "pids" }];
}
