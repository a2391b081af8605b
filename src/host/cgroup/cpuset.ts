/** Processors and memory nodes: the `cpuset` controller, the same in v1 and v2. */
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

export function cpusetLists({ cpusetCpus, cpusetMems }: CgroupResources): ControlWrite[] {
  return [
    ...(cpusetCpus === undefined ? [] : [{ file: "cpuset.cpus", value: cpusetCpus, field: "cpusetCpus" }]),
    ...(cpusetMems === undefined ? [] : [{ file: "cpuset.mems", value: cpusetMems, field: "cpusetMems" }]),
  ];
}
