/** A Pod's priority follows from its class. Kubernetes: plugin/pkg/admission/priority. */
import type { Pod, PriorityClass } from "../../../api/gen/types.ts";
import { PODS, PRIORITY_CLASSES, resourceNameOf } from "../../../api/resources.ts";
import { forbiddenBecause } from "../../../api/status.ts";
import type { Store } from "../../../store/store.ts";

/** Without a class, and without one that is the default. */
const NO_CLASS = { value: 0, preemptionPolicy: "PreemptLowerPriority" };

export function withPriority(pod: Pod, store: Store): Pod {
  if (!pod.spec) return pod;
  const { priorityClassName = "", priority, preemptionPolicy } = pod.spec;
  const found = priorityClassName === "" ? defaultPriorityClass(store) : classNamed(pod, priorityClassName, store);
  const { value = 0, preemptionPolicy: policy } = found ?? NO_CLASS;
  const refuse = (field: string, given: unknown, computed: unknown): Error =>
    forbidden(
      pod,
      `the ${field} (${String(given)}) must not be provided in pod spec; priority admission controller computed ${String(computed)} from the given PriorityClass name`,
    );
  if (priority !== undefined && priority !== value) throw refuse("integer value of priority", priority, value);
  if (preemptionPolicy && policy && preemptionPolicy !== policy) {
    throw refuse("string value of PreemptionPolicy", preemptionPolicy, policy);
  }
  const name = found?.metadata.name;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(name === undefined ? {} : { priorityClassName: name }),
      priority: value,
      ...(policy ? { preemptionPolicy: policy } : {}),
    },
  };
}

/** A Pod that is written anew without its priority keeps it. */
export function keepPriority(pod: Pod, stored: Pod): Pod {
  if (!pod.spec) return pod;
  const { priority = pod.spec.priority, preemptionPolicy = pod.spec.preemptionPolicy } = stored.spec ?? {};
  const kept = {
    ...(pod.spec.priority === undefined && priority !== undefined ? { priority } : {}),
    ...(pod.spec.preemptionPolicy === undefined && preemptionPolicy !== undefined ? { preemptionPolicy } : {}),
  };
  return { ...pod, spec: { ...pod.spec, ...kept } };
}

/** There is one default at most. */
export function checkDefaultPriority(priorityClass: PriorityClass, store: Store): void {
  if (!priorityClass.globalDefault) return;
  const name = priorityClass.metadata.name ?? "";
  const other = defaultPriorityClass(store)?.metadata.name;
  if (other === undefined || other === name) return;
  const why = `PriorityClass ${other} is already marked as default. Only one default can exist`;
  throw forbiddenBecause(PRIORITY_CLASSES, name, why);
}

/** Should there be several, that of the lowest value. */
function defaultPriorityClass(store: Store): PriorityClass | undefined {
  const classes = store.list(resourceNameOf(PRIORITY_CLASSES)).items as readonly PriorityClass[];
  const byValue = (a: PriorityClass, b: PriorityClass): number => (a.value ?? 0) - (b.value ?? 0);
  return classes.filter(({ globalDefault }) => globalDefault).toSorted(byValue)[0];
}

function classNamed(pod: Pod, name: string, store: Store): PriorityClass {
  const found = store.get({ resource: resourceNameOf(PRIORITY_CLASSES), namespace: "", name });
  if (found) return found as PriorityClass;
  throw forbidden(pod, `no PriorityClass with name ${name} was found`);
}

function forbidden(pod: Pod, why: string): Error {
  return forbiddenBecause(PODS, pod.metadata.name ?? "", why);
}
