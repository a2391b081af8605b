/** What a Pod's requests and limits add up to (Kubernetes: component-helpers resource/helpers.go). */
import type { Container, Pod } from "./gen/types.ts";
import { addQuantity, type Amount, formatQuantity, parseQuantity } from "./quantity.ts";

/** Canonical amounts by the resource's name. */
export type Amounts = Readonly<Record<string, string>>;

type Totals = Readonly<Record<string, Amount>>;

/**
 * What the Pod needs at its hungriest: all containers and sidecars together, or one init container beside the sidecars
 * before it, whichever is more. Its overhead is not counted.
 */
export function podRequests(pod: Pod): Amounts {
  return totalOf(pod, ({ resources }) => ({ ...resources?.limits, ...resources?.requests }));
}

/** What the Pod may use at most, added up in the same way. */
export function podLimits(pod: Pod): Amounts {
  return totalOf(pod, ({ resources }) => resources?.limits ?? {});
}

/** {@link podRequests} and the Pod's overhead: what a node sets aside for it. */
export function effectiveRequests(pod: Pod): Amounts {
  return formatted(add(parsed(podRequests(pod)), parsed(pod.spec?.overhead ?? {})));
}

/** {@link podLimits} with the overhead on top, for the resources that are limited. */
export function effectiveLimits(pod: Pod): Amounts {
  const limits = podLimits(pod);
  const overhead = Object.entries(pod.spec?.overhead ?? {}).filter(([name]) => limits[name] !== undefined);
  return formatted(add(parsed(limits), parsed(Object.fromEntries(overhead))));
}

/** Sums of two lists of amounts. */
export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return formatted(add(parsed(a), parsed(b)));
}

type Reader = (container: Container) => Readonly<Record<string, string | number>>;

function totalOf(pod: Pod, read: Reader): Amounts {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  let sidecars: Totals = {};
  let initPeak: Totals = {};
  for (const container of initContainers) {
    const own = parsed(read(container));
    if (container.restartPolicy === "Always") sidecars = add(sidecars, own);
    initPeak = max(initPeak, container.restartPolicy === "Always" ? sidecars : add(sidecars, own));
  }
  const running = containers.map((container) => parsed(read(container))).reduce(add, sidecars);
  return formatted(max(running, initPeak));
}

function parsed(amounts: Readonly<Record<string, string | number>>): Totals {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, parseQuantity(amount)]));
}

function formatted(totals: Totals): Amounts {
  return Object.fromEntries(Object.entries(totals).map(([name, amount]) => [name, formatQuantity(amount)]));
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
