/** A Pod's quality-of-service class. */
import type { PodSpec } from "./gen/types.ts";
import { parseQuantity } from "./quantity.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const COMPUTE = ["cpu", "memory"] as const;

/**
 * Guaranteed when every container, init containers too, has limits for CPU and memory and requests the same; BestEffort
 * when none asks for anything (Kubernetes: pkg/apis/core/helper/qos).
 */
export function qosClassOf(spec: PodSpec): QosClass {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const amounts = containers.flatMap(({ resources }) =>
    COMPUTE.map((name) => ({
      request: positive(resources?.requests?.[name]),
      limit: positive(resources?.limits?.[name]),
    })),
  );
  if (amounts.every(({ request, limit }) => request === undefined && limit === undefined)) return "BestEffort";
  const guaranteed = amounts.every(({ request, limit }) => limit !== undefined && (request ?? limit) === limit);
  return guaranteed ? "Guaranteed" : "Burstable";
}

function positive(amount: string | number | undefined): bigint | undefined {
  const nanos = amount === undefined ? 0n : parseQuantity(amount).nanos;
  return nanos > 0n ? nanos : undefined;
}
