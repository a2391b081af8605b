/** Node selectors, as Pods and persistent volumes have them (Kubernetes: ValidateNodeSelector). */
import { type FieldError, forbidden, invalid, required } from "./field-error.ts";
import type { NodeSelector, NodeSelectorRequirement } from "./gen/types.ts";
import { labelValueFaults, qualifiedNameFaults, subdomainFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

export function* validateNodeSelector(selector: NodeSelector, path: string): Generator<FieldError> {
  const terms = selector.nodeSelectorTerms;
  const at = `${path}.nodeSelectorTerms`;
  if (terms.length === 0) yield required(at, "must have at least one node selector term");
  for (const [index, term] of terms.entries()) {
    for (const [each, requirement] of (term.matchExpressions ?? []).entries()) {
      yield* validateExpression(requirement, `${at}[${index}].matchExpressions[${each}]`);
    }
    for (const [each, requirement] of (term.matchFields ?? []).entries()) {
      yield* validateField(requirement, `${at}[${index}].matchFields[${each}]`);
    }
  }
}

function* validateExpression(requirement: NodeSelectorRequirement, path: string): Generator<FieldError> {
  const { key, operator, values = [] } = requirement;
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        yield required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        yield forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) {
        yield required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      }
      break;
    default:
      yield invalid(`${path}.operator`, operator, "not a valid selector operator");
  }
  yield* faults(`${path}.key`, key, qualifiedNameFaults(key));
  for (const [index, value] of values.entries()) {
    yield* faults(`${path}.values[${index}]`, value, labelValueFaults(value));
  }
}

function* validateField(requirement: NodeSelectorRequirement, path: string): Generator<FieldError> {
  const { key, operator, values = [] } = requirement;
  if (operator !== "In" && operator !== "NotIn") {
    yield invalid(`${path}.operator`, operator, "not a valid selector operator");
  } else if (values.length !== 1) {
    const rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    yield required(`${path}.values`, rule);
  }
  if (key !== "metadata.name") {
    yield invalid(`${path}.key`, key, "not a valid field selector key");
    return;
  }
  for (const [index, value] of values.entries()) {
    yield* faults(`${path}.values[${index}]`, value, subdomainFaults(value));
  }
}
