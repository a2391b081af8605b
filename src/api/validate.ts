/**
 * Kubernetes' validation, with its paths and words: what the API server would say to an object that has its defaults
 * (pkg/apis/<group>/validation). Pure. What Kubernetes allows and this node cannot do is told by `support.ts`.
 */
import type { FieldError } from "./field-error.ts";
import type {
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  Event,
  Lease,
  LimitRange,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  PriorityClass,
  ResourceQuota,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  StorageClass,
} from "./gen/types.ts";
import { labelNameFaults, subdomainFaults } from "./names.ts";
import type { KubeObject } from "./object.ts";
import { resourceOfKind } from "./resources.ts";
import {
  validateLease,
  validatePriorityClass,
  validatePriorityClassUpdate,
  validateRuntimeClass,
  validateRuntimeClassUpdate,
} from "./validate-class.ts";
import { validateConfigMap, validateDataUpdate, validateSecret } from "./validate-data.ts";
import { validateEphemeralUpdate } from "./validate-ephemeral-update.ts";
import { validateEvent, validateEventUpdate } from "./validate-event.ts";
import { validateMeta, validateMetaUpdate } from "./validate-meta.ts";
import { validateNode, validateNodeUpdate } from "./validate-node.ts";
import { validatePodCreate, validatePodSpec } from "./validate-pod.ts";
import { validatePodTemplate } from "./validate-pod-template.ts";
import { validatePodUpdate } from "./validate-pod-update.ts";
import { validateResize } from "./validate-resize.ts";
import { validateLimitRange, validateResourceQuota, validateResourceQuotaUpdate } from "./validate-quota.ts";
import {
  validateClaim,
  validateClaimUpdate,
  validatePersistentVolume,
  validatePersistentVolumeUpdate,
  validateStorageClass,
  validateStorageClassUpdate,
} from "./validate-storage.ts";
import {
  pathNameFaults,
  validateBindingUpdate,
  validateClusterRole,
  validateClusterRoleBinding,
  validateRole,
  validateRoleBinding,
} from "./validate-rbac.ts";

/** What is wrong with a new object; empty when nothing is. */
export function validate(object: KubeObject): FieldError[] {
  return [...validateStanding(object), ...(RULES[object.kind]?.create?.(object) ?? [])];
}

/** What no object may say, new or not. */
function validateStanding(object: KubeObject): FieldError[] {
  const namespaced = resourceOfKind(object.apiVersion, object.kind)?.namespaced ?? true;
  const nameFaults = nameRuleOf(object);
  const body = RULES[object.kind]?.object?.(object) ?? [];
  return [...validateMeta(object.metadata, { namespaced, nameFaults }), ...body];
}

/** What is wrong with replacing `previous` by `next`, itself or through a subresource: also the changes that are not allowed. */
export function validateUpdate(next: KubeObject, previous: KubeObject, subresource = ""): FieldError[] {
  const { update, parts } = RULES[next.kind] ?? {};
  const change = (subresource === "" ? update : parts?.[subresource])?.(next, previous) ?? [];
  return [...validateMetaUpdate(next.metadata, previous.metadata), ...validateStanding(next), ...change];
}

function nameRuleOf({ apiVersion, kind }: KubeObject): (name: string) => readonly string[] {
  if (apiVersion.startsWith("rbac.")) return pathNameFaults;
  return kind === "Namespace" ? labelNameFaults : subdomainFaults;
}

type UpdateRule<T> = (next: T, previous: T) => Iterable<FieldError>;

interface Rules<T = KubeObject> {
  readonly object?: (object: T) => Iterable<FieldError>;
  /** Of a new object, on top. */
  readonly create?: (object: T) => Iterable<FieldError>;
  readonly update?: UpdateRule<T>;
  /** Changes through a subresource, by its name. */
  readonly parts?: Readonly<Record<string, UpdateRule<T>>>;
}

/** The rules of one kind; the type says of which. */
function rules<T extends KubeObject>(
  object: (object: T) => Iterable<FieldError>,
  update?: UpdateRule<T>,
  more: Pick<Rules<T>, "create" | "parts"> = {},
): Rules {
  return { object, ...(update && { update }), ...more } as unknown as Rules;
}

const RULES: Readonly<Record<string, Rules>> = {
  Pod: rules<Pod>(({ spec }) => validatePodSpec(spec), validatePodUpdate, {
    create: validatePodCreate,
    parts: { ephemeralcontainers: validateEphemeralUpdate, resize: validateResize },
  }),
  PodTemplate: rules<PodTemplate>(validatePodTemplate),
  ConfigMap: rules<ConfigMap>(validateConfigMap, validateDataUpdate),
  Secret: rules<Secret>(validateSecret, validateDataUpdate),
  Event: rules<Event>(validateEvent, validateEventUpdate),
  Node: rules<Node>(validateNode, validateNodeUpdate),
  LimitRange: rules<LimitRange>(validateLimitRange),
  ResourceQuota: rules<ResourceQuota>(validateResourceQuota, validateResourceQuotaUpdate),
  PersistentVolume: rules<PersistentVolume>(validatePersistentVolume, validatePersistentVolumeUpdate),
  PersistentVolumeClaim: rules<PersistentVolumeClaim>(validateClaim, validateClaimUpdate),
  StorageClass: rules<StorageClass>(validateStorageClass, validateStorageClassUpdate),
  PriorityClass: rules<PriorityClass>(validatePriorityClass, validatePriorityClassUpdate),
  RuntimeClass: rules<RuntimeClass>(validateRuntimeClass, validateRuntimeClassUpdate),
  Lease: rules<Lease>(validateLease),
  Role: rules<Role>(validateRole),
  ClusterRole: rules<ClusterRole>(validateClusterRole),
  RoleBinding: rules<RoleBinding>(validateRoleBinding, validateBindingUpdate),
  ClusterRoleBinding: rules<ClusterRoleBinding>(validateClusterRoleBinding, validateBindingUpdate),
};
