/**
 * Kubernetes' validation, with its paths and words: what the API server would say to an object that has its defaults
 * (pkg/apis/core/validation). Pure. What Kubernetes allows and this node cannot do is told by `support.ts`.
 */
import type { FieldError } from "./field-error.ts";
import type { ConfigMap, Pod, Secret } from "./gen/types.ts";
import { labelNameFaults, subdomainFaults } from "./names.ts";
import type { KubeObject } from "./object.ts";
import { resourceOfKind } from "./resources.ts";
import { validateConfigMap, validateDataUpdate, validateSecret } from "./validate-data.ts";
import { validateMeta, validateMetaUpdate } from "./validate-meta.ts";
import { validatePodSpec } from "./validate-pod.ts";
import { validatePodUpdate } from "./validate-pod-update.ts";

/** What is wrong with a new object; empty when nothing is. */
export function validate(object: KubeObject): FieldError[] {
  const namespaced = resourceOfKind(object.apiVersion, object.kind)?.namespaced ?? true;
  const nameFaults = object.kind === "Namespace" ? labelNameFaults : subdomainFaults;
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
    default:
      return errors;
  }
}

function validateBody(object: KubeObject): Iterable<FieldError> {
  switch (object.kind) {
    case "Pod":
      return validatePodSpec((object as Pod).spec);
    case "ConfigMap":
      return validateConfigMap(object as ConfigMap);
    case "Secret":
      return validateSecret(object as Secret);
    default:
      return [];
  }
}
