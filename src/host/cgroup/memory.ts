/** Memory: the `memory` controller. */
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

export function memoryV1({ memoryBytes }: CgroupResources): ControlWrite[] {
  if (memoryBytes === undefined) return [];
  return [{ file: "memory.limit_in_bytes", value: String(Math.max(-1, memoryBytes)), field: "memoryBytes" }];
}

export function memoryV2({ memoryBytes }: CgroupResources): ControlWrite[] {
  if (memoryBytes === undefined) return [];
  return [{ file: "memory.max", value: memoryBytes < 0 ? "max" : String(memoryBytes), field: "memoryBytes" }];
}
