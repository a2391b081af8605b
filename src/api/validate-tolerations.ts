/** Tolerations, as Pods and runtime classes have them. */
import { type FieldError, invalid, oneOf } from "./field-error.ts";
import type { Toleration } from "./gen/types.ts";
import { labelValueFaults, qualifiedNameFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

export function* validateTolerations(tolerations: readonly Toleration[], at: string): Generator<FieldError> {
  for (const [index, toleration] of tolerations.entries()) {
    const path = `${at}[${index}]`;
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
    if (key !== "") yield* faults(`${path}.key`, key, qualifiedNameFaults(key));
    else if (operator !== "Exists") {
      const message = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      yield invalid(`${path}.operator`, operator, message);
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      yield invalid(`${path}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (operator === "" || operator === "Equal") {
      yield* faults(`${path}.operator`, value, labelValueFaults(value));
    } else if (operator !== "Exists") yield* oneOf(`${path}.operator`, operator, ["Equal", "Exists"]);
    else if (value !== "") yield invalid(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'");
    if (effect !== "") yield* oneOf(`${path}.effect`, effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]);
  }
}
