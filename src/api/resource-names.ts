/** Which names resources have, and where (Kubernetes: pkg/apis/core/helper/helpers.go). */
import { type FieldError, invalid } from "./field-error.ts";
import { qualifiedNameFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

const COMPUTE = ["cpu", "memory", "ephemeral-storage"];
/** Kinds that are counted as a whole. */
const COUNTED = [
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
];
const QUOTA = [
  ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
  "requests.storage",
  ...COUNTED,
];

export function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-");
}

/** True for what a quota of this name limits, as against an extended resource. */
export function isStandardQuotaName(name: string): boolean {
  return QUOTA.includes(name) || isHugePages(name) || name.startsWith("requests.hugepages-");
}

/** True for what is counted in whole numbers. */
export function isIntegerResource(name: string): boolean {
  return COUNTED.includes(name) || (name.includes("/") && !name.includes("kubernetes.io/"));
}

/** A name that resources of any kind may have. */
function* validateResourceName(name: string, path: string): Generator<FieldError> {
  const wrong = qualifiedNameFaults(name);
  yield* faults(path, name, wrong);
  if (wrong.length > 0 || name.includes("/") || isStandardQuotaName(name) || name === "storage") return;
  yield invalid(path, name, "must be a standard resource type or fully qualified");
}

/** A name of what a container may ask for. */
export function* validateContainerResourceName(name: string, path: string): Generator<FieldError> {
  yield* validateResourceName(name, path);
  if (name.includes("/") || COMPUTE.includes(name) || isHugePages(name)) return;
  yield invalid(path, name, "must be a standard resource for containers");
}

/** A name of what a quota may limit. `count/<plural>.<group>` counts objects of any kind. */
export function* validateQuotaResourceName(name: string, path: string): Generator<FieldError> {
  yield* validateResourceName(name, path);
  if (!name.includes("/") && !isStandardQuotaName(name)) {
    yield invalid(path, name, "must be a standard resource for quota");
  }
}

/** A name of what a limit range of a type may bound. */
export function validateLimitedResourceName(type: string, name: string, path: string): Iterable<FieldError> {
  const ofContainers = type === "Pod" || type === "Container";
  return ofContainers ? validateContainerResourceName(name, path) : validateResourceName(name, path);
}
