/** Memory: the `memory` controller. */
import { MinkeError } from "../../base/errors.ts";
import type { CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

/** The limit of memory and swap together that a v1 cgroup has now; without `limitBytes` it has none. */
export interface SwapLimit {
  readonly limitBytes?: number;
}

/**
 * `swap` is undefined where the kernel does not account swap. The limit of memory and swap together may never be below that
 * of memory alone, so it comes first when there is to be more and last when there is to be less; one that is there moves
 * along with a limit of memory that comes alone.
 */
export function memoryV1(resources: CgroupResources, swap?: SwapLimit): ControlWrite[] {
  const { memoryBytes, memorySwapBytes } = resources;
  requireMemory(resources);
  if (memoryBytes === undefined) return [];
  const memory = { file: "memory.limit_in_bytes", value: String(Math.max(-1, memoryBytes)), field: "memoryBytes" };
  const bothBytes = memorySwapBytes ?? (swap?.limitBytes === undefined ? undefined : memoryBytes);
  if (!swap || bothBytes === undefined) return [memory];
  const field = memorySwapBytes === undefined ? "memoryBytes" : "memorySwapBytes";
  const both = { file: "memory.memsw.limit_in_bytes", value: String(Math.max(-1, bothBytes)), field };
  const now = swap.limitBytes ?? Infinity;
  return bothBytes < 0 || bothBytes > now ? [both, memory] : [memory, both];
}

export function memoryV2(resources: CgroupResources): ControlWrite[] {
  const { memoryBytes, memorySwapBytes } = resources;
  requireMemory(resources);
  if (memoryBytes === undefined) return [];
  const writes: ControlWrite[] = [{ file: "memory.max", value: bytesOrMax(memoryBytes), field: "memoryBytes" }];
  if (memorySwapBytes !== undefined) {
    const swapBytes = memorySwapBytes < 0 || memoryBytes < 0 ? -1 : memorySwapBytes - memoryBytes;
    writes.push({ file: "memory.swap.max", value: bytesOrMax(swapBytes), field: "memorySwapBytes", optional: true });
  }
  return writes;
}

/** A sum says nothing without what it is a sum of. */
function requireMemory({ memoryBytes, memorySwapBytes }: CgroupResources): void {
  if (memorySwapBytes === undefined || memorySwapBytes < 0) return;
  if (memoryBytes !== undefined && memoryBytes >= 0 && memorySwapBytes >= memoryBytes) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot set memorySwapBytes to ${memorySwapBytes}: it is the limit of memory and swap together, and memoryBytes is ${memoryBytes ?? "not set"}; give at least the memory's`,
    { details: { memoryBytes, memorySwapBytes } },
  );
}

function bytesOrMax(bytes: number): string {
  return bytes < 0 ? "max" : String(bytes);
}
