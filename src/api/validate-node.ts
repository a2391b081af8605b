/** Nodes (Kubernetes: ValidateNodeUpdate); they are updated only. */
import { duplicate, type FieldError, forbidden, oneOf, required } from "./field-error.ts";
import type { Node, Taint } from "./gen/types.ts";
import { labelValueFaults, qualifiedNameFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

export function* validateNode({ spec }: Node): Generator<FieldError> {
  const seen = new Set<string>();
  for (const [index, taint] of (spec?.taints ?? []).entries()) {
    yield* validateTaint(taint, `metadata.taints[${index}]`);
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) {
      const error = duplicate(`metadata.taints[${index}]`, taint);
      yield { ...error, body: `${error.body}: taints must be unique by key and effect pair` };
    }
    seen.add(key);
  }
}

function* validateTaint({ key, value = "", effect }: Taint, path: string): Generator<FieldError> {
  yield* faults(`${path}.key`, key, qualifiedNameFaults(key));
  const wrong = labelValueFaults(value);
  if (wrong.length > 0) yield* faults(`${path}.value`, value, [wrong.join(";")]);
  if (effect === "") yield required(`${path}.effect`);
  else yield* oneOf(`${path}.effect`, effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]);
}

export function* validateNodeUpdate(next: Node, previous: Node): Generator<FieldError> {
  const given = previous.spec?.providerID;
  if (given && next.spec?.providerID !== given) {
    yield forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid');
  }
}
