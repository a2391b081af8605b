/** What a Pod gets from its RuntimeClass: overhead, node selector, tolerations. Kubernetes: plugin/pkg/admission/runtimeclass. */
import { equalJson } from "../../../api/equal.ts";
import type { Pod, PodSpec, RuntimeClass, Toleration } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf, RUNTIME_CLASSES } from "../../../api/resources.ts";
import { forbiddenBecause } from "../../../api/status.ts";
import type { Store } from "../../../store/store.ts";

export function withRuntimeClass(pod: Pod, store: Store): Pod {
  if (!pod.spec) return pod;
  const runtimeClass = classOf(pod, store);
  const overhead = runtimeClass?.overhead?.podFixed;
  const given = pod.spec.overhead;
  if (given && !overhead) {
    throw forbidden(pod, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
  }
  if (given && Object.keys(given).length > 0 && !equalJson(given, overhead)) {
    throw forbidden(pod, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  }
  return {
    ...pod,
    spec: { ...pod.spec, ...(overhead ? { overhead } : {}), ...schedulingOf(pod, pod.spec, runtimeClass) },
  };
}

function classOf(pod: Pod, store: Store): RuntimeClass | undefined {
  const name = pod.spec?.runtimeClassName;
  if (name === undefined || name === "") return undefined;
  const found = store.get({ resource: resourceNameOf(RUNTIME_CLASSES), namespace: "", name });
  if (found) return found as RuntimeClass;
  throw forbidden(pod, `pod rejected: RuntimeClass "${name}" not found`);
}

function schedulingOf(
  pod: Pod,
  spec: PodSpec,
  runtimeClass: RuntimeClass | undefined,
): Pick<PodSpec, "nodeSelector" | "tolerations"> {
  const scheduling = runtimeClass?.scheduling;
  if (!scheduling) return {};
  const given = spec.nodeSelector ?? {};
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    if (given[key] === undefined || given[key] === value) continue;
    const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${given[key]}`;
    throw forbidden(pod, why);
  }
  const nodeSelector = { ...given, ...scheduling.nodeSelector };
  const own: readonly Toleration[] = spec.tolerations ?? [];
  const added = (scheduling.tolerations ?? []).filter((toleration) => !own.some((each) => equalJson(each, toleration)));
  return {
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
    ...(own.length + added.length > 0 ? { tolerations: [...own, ...added] } : {}),
  };
}

function forbidden(pod: Pod, why: string): Error {
  return forbiddenBecause(PODS, pod.metadata.name ?? "", why);
}
