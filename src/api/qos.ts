/** What a Pod's resources add up to: its quality-of-service class and its effective request. */
import type { Container, Pod, PodSpec } from "./gen/types.ts";
import { addQuantity, type Amount, formatQuantity, parseQuantity } from "./quantity.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const COMPUTE = ["cpu", "memory"] as const;

type Totals = Readonly<Record<string, Amount>>;

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

/**
 * What the Pod needs at its hungriest: all containers and sidecars together, or one init container beside the sidecars
 * before it, whichever is more; plus the overhead. In canonical form by resource name.
 */
export function effectiveRequests(pod: Pod): Readonly<Record<string, string>> {
  const { containers = [], initContainers = [], overhead = {} } = pod.spec ?? {};
  let sidecars: Totals = {};
  let initPeak: Totals = {};
  for (const container of initContainers) {
    const own = requestsOf(container);
    if (container.restartPolicy === "Always") sidecars = add(sidecars, own);
    initPeak = max(initPeak, container.restartPolicy === "Always" ? sidecars : add(sidecars, own));
  }
  const running = containers.map(requestsOf).reduce(add, sidecars);
  const total = add(max(running, initPeak), parsed(overhead));
  return Object.fromEntries(Object.entries(total).map(([name, amount]) => [name, formatQuantity(amount)]));
}

function requestsOf(container: Container): Totals {
  return parsed({ ...container.resources?.limits, ...container.resources?.requests });
}

function parsed(amounts: Readonly<Record<string, string | number>>): Totals {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, parseQuantity(amount)]));
}

function add(a: Totals, b: Totals): Totals {
  return combine(a, b, addQuantity);
}

function max(a: Totals, b: Totals): Totals {
  return combine(a, b, (x, y) => (x.nanos < y.nanos ? y : x));
}

function combine(a: Totals, b: Totals, both: (x: Amount, y: Amount) => Amount): Totals {
  const result: Record<string, Amount> = { ...a };
  for (const [name, amount] of Object.entries(b)) result[name] = result[name] ? both(result[name], amount) : amount;
  return result;
}
