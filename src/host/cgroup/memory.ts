/** Memory: the `memory` controller. */
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

/**
 * `swapLimitBytes` is the limit of memory and swap together that the cgroup has now; undefined when it has none. It never
 * may be below that of memory alone, so it moves along, first when there is to be more and last when there is to be less.
 */
export function memoryV1({ memoryBytes }: CgroupResources, swapLimitBytes?: number): ControlWrite[] {
  if (memoryBytes === undefined) return [];
  const value = String(Math.max(-1, memoryBytes));
  const memory = { file: "memory.limit_in_bytes", value, field: "memoryBytes" };
  if (swapLimitBytes === undefined) return [memory];
  const both = { file: "memory.memsw.limit_in_bytes", value, field: "memoryBytes" };
  return memoryBytes < 0 || memoryBytes > swapLimitBytes ? [both, memory] : [memory, both];
}

export function memoryV2({ memoryBytes }: CgroupResources): ControlWrite[] {
  if (memoryBytes === undefined) return [];
  return [{ file: "memory.max", value: memoryBytes < 0 ? "max" : String(memoryBytes), field: "memoryBytes" }];
}
