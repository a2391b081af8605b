/** Pod templates: a Pod's labels, annotations and spec below `template`. */
import { type FieldError, forbidden } from "./field-error.ts";
import type { PodTemplate } from "./gen/types.ts";
import { validateAnnotations, validateLabels } from "./validate-meta.ts";
import { validatePodSpec } from "./validate-pod.ts";

export function* validatePodTemplate({ template }: PodTemplate): Generator<FieldError> {
  yield* validateLabels(template?.metadata?.labels, "template.labels");
  yield* validateAnnotations(template?.metadata?.annotations, "template.annotations");
  for (const error of validatePodSpec(template?.spec)) yield { ...error, field: `template.${error.field}` };
  if ((template?.spec?.ephemeralContainers ?? []).length > 0) {
    yield forbidden("template.spec.ephemeralContainers", "ephemeral containers not allowed in pod template");
  }
}
