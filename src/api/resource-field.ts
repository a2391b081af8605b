/** The downward API's `resourceFieldRef`: what a container may use or has asked for (Kubernetes: pkg/api/v1/resource). */
import type { Container, Pod, ResourceFieldSelector } from "./gen/types.ts";
import { parseQuantity } from "./quantity.ts";

export interface ResourceFieldInputs {
  /** The container itself, when the reference does not name one. */
  readonly container?: Container;
  /** What the machine has: that is the limit of who has none. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * The amount in units of the divisor, rounded up. Undefined when there is no such container or resource. CPU counts in cores
 * unless the divisor says otherwise, everything else in bytes.
 */
export function resourceFieldValue(
  pod: Pod,
  { containerName, resource, divisor }: ResourceFieldSelector,
  { container, allocatable }: ResourceFieldInputs,
): string | undefined {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const found = containerName ? all.find(({ name }) => name === containerName) : container;
  const [list, name] = splitOnce(resource);
  if (!found || (list !== "limits" && list !== "requests")) return undefined;
  const { limits = {}, requests = {} } = found.resources ?? {};
  const amount = list === "limits" ? (limits[name] ?? allocatable[name]) : (requests[name] ?? "0");
  if (amount === undefined) return undefined;
  const unit = divisor === undefined || parseQuantity(divisor).nanos === 0n ? "1" : divisor;
  const [value, by] = [parseQuantity(amount).nanos, parseQuantity(unit).nanos];
  return String((value + by - 1n) / by);
}

function splitOnce(resource: string): [string, string] {
  const dot = resource.indexOf(".");
  return dot < 0 ? [resource, ""] : [resource.slice(0, dot), resource.slice(dot + 1)];
}
