/** Which changes of a Pod's ephemeral containers there may be: more of them. Kubernetes: ValidatePodEphemeralContainersUpdate. */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden } from "./field-error.ts";
import type { Pod } from "./gen/types.ts";
import { changedPaths } from "./validate-pod-update.ts";

export function* validateEphemeralUpdate(next: Pod, previous: Pod): Generator<FieldError> {
  const path = "spec.ephemeralContainers";
  for (const before of previous.spec?.ephemeralContainers ?? []) {
    const after = next.spec?.ephemeralContainers?.find(({ name }) => name === before.name);
    const existing = `existing ephemeral containers ${JSON.stringify(before.name)} may not be`;
    if (!after) yield forbidden(path, `${existing} removed\n`);
    else if (!equalJson(after, before)) {
      yield forbidden(path, `${existing} changed\nchanged: ${changedPaths(after, before, before.name).join(", ")}`);
    }
  }
}
