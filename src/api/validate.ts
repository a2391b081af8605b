/**
 * Kubernetes' validation, with its paths and words: what the API server would say to an object that has its defaults
 * (pkg/apis/core/validation). Pure. What Kubernetes allows and this node cannot do is told by `support.ts`.
 */
import type { FieldError } from "./field-error.ts";
import type { ClusterRole, ClusterRoleBinding, ConfigMap, Pod, Role, RoleBinding, Secret } from "./gen/types.ts";
import { labelNameFaults, subdomainFaults } from "./names.ts";
import type { KubeObject } from "./object.ts";
import { resourceOfKind } from "./resources.ts";
import { validateConfigMap, validateDataUpdate, validateSecret } from "./validate-data.ts";
import { validateMeta, validateMetaUpdate } from "./validate-meta.ts";
import { validatePodSpec } from "./validate-pod.ts";
import { validatePodUpdate } from "./validate-pod-update.ts";
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
  const namespaced = resourceOfKind(object.apiVersion, object.kind)?.namespaced ?? true;
  const nameFaults = nameRuleOf(object);
  return [...validateMeta(object.metadata, { namespaced, nameFaults }), ...validateBody(object)];
}

/** What is wrong with replacing `previous` by `next`: also the changes that are not allowed. */
export function validateUpdate(next: KubeObject, previous: KubeObject): FieldError[] {
  const errors = [...validateMetaUpdate(next.metadata, previous.metadata), ...validate(next)];
  switch (next.kind) {
    case "Pod":
      return [...errors, ...validatePodUpdate(next as Pod, previous as Pod)];
    case "ConfigMap":
    case "Secret":
      return [...errors, ...validateDataUpdate(next as ConfigMap | Secret, previous as ConfigMap | Secret)];
    case "RoleBinding":
    case "ClusterRoleBinding":
      return [...errors, ...validateBindingUpdate(next as RoleBinding, previous as RoleBinding)];
    default:
      return errors;
  }
}

function nameRuleOf({ apiVersion, kind }: KubeObject): (name: string) => readonly string[] {
  if (apiVersion.startsWith("rbac.")) return pathNameFaults;
  return kind === "Namespace" ? labelNameFaults : subdomainFaults;
}

function validateBody(object: KubeObject): Iterable<FieldError> {
  switch (object.kind) {
    case "Pod":
      return validatePodSpec((object as Pod).spec);
    case "ConfigMap":
      return validateConfigMap(object as ConfigMap);
    case "Secret":
      return validateSecret(object as Secret);
    case "Role":
      return validateRole(object as Role);
    case "ClusterRole":
      return validateClusterRole(object as ClusterRole);
    case "RoleBinding":
      return validateRoleBinding(object as RoleBinding);
    case "ClusterRoleBinding":
      return validateClusterRoleBinding(object as ClusterRoleBinding);
    default:
      return [];
  }
}
