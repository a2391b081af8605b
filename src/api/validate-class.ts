/** Priority classes, runtime classes and leases (Kubernetes: pkg/apis/{scheduling,node,coordination}/validation). */
import { type FieldError, forbidden, invalid, oneOf, required } from "./field-error.ts";
import type { Lease, PriorityClass, RuntimeClass } from "./gen/types.ts";
import { labelNameFaults } from "./names.ts";
import { faults, validateLabels } from "./validate-meta.ts";
import { validateResources } from "./validate-resources.ts";
import { validateTolerations } from "./validate-tolerations.ts";

const SYSTEM_PREFIX = "system-";
/** The largest priority that is not the system's. */
const USER_PRIORITY_MAX = 1_000_000_000;
/** The classes that every node has: Pods that the others depend on. */
export const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  "system-cluster-critical": 2 * USER_PRIORITY_MAX,
  "system-node-critical": 2 * USER_PRIORITY_MAX + 1000,
};
const IMMUTABLE = "field is immutable";

export function* validatePriorityClass(priorityClass: PriorityClass): Generator<FieldError> {
  const { value = 0, globalDefault = false, preemptionPolicy = "" } = priorityClass;
  const name = priorityClass.metadata.name ?? "";
  if (name.startsWith(SYSTEM_PREFIX)) {
    const why = systemFault(name, value, globalDefault);
    const rule = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: `;
    if (why !== undefined) yield forbidden("metadata.name", rule + why);
  } else if (value > USER_PRIORITY_MAX) {
    yield forbidden("value", `maximum allowed value of a user defined priority is ${USER_PRIORITY_MAX}`);
  }
  if (preemptionPolicy !== "") {
    yield* oneOf("preemptionPolicy", preemptionPolicy, ["PreemptLowerPriority", "Never"]);
  }
}

function systemFault(name: string, value: number, globalDefault: boolean): string | undefined {
  const known = Object.hasOwn(SYSTEM_PRIORITIES, name) ? SYSTEM_PRIORITIES[name]! : undefined;
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function* validatePriorityClassUpdate(next: PriorityClass, previous: PriorityClass): Generator<FieldError> {
  if (next.value !== previous.value) yield forbidden("value", "may not be changed in an update.");
  if (next.preemptionPolicy !== previous.preemptionPolicy) {
    yield invalid("preemptionPolicy", next.preemptionPolicy ?? null, IMMUTABLE);
  }
}

export function* validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): Generator<FieldError> {
  if (!handler) yield required("handler");
  else yield* faults("handler", handler, labelNameFaults(handler));
  if (overhead?.podFixed) yield* validateResources({ limits: overhead.podFixed }, "overhead");
  if (!scheduling) return;
  yield* validateLabels(scheduling.nodeSelector, "scheduling.nodeSelector");
  yield* validateTolerations(scheduling.tolerations ?? [], "scheduling.tolerations");
}

export function* validateRuntimeClassUpdate(next: RuntimeClass, previous: RuntimeClass): Generator<FieldError> {
  if (next.handler !== previous.handler) yield invalid("handler", next.handler, IMMUTABLE);
}

export function* validateLease({ spec = {} }: Lease): Generator<FieldError> {
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = spec;
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    yield invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0");
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    yield invalid("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0");
  }
  if (preferredHolder && !strategy) {
    yield forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined");
  }
}
