/** Whether a node is one that a selector means (Kubernetes: component-helpers scheduling/corev1/nodeaffinity). Pure. */
import type { Node, NodeSelector, NodeSelectorRequirement } from "./gen/types.ts";

/** Any one term has to fit; a term without requirements fits nothing. */
export function matchesNodeSelector({ nodeSelectorTerms }: NodeSelector, node: Node): boolean {
  return nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const labels = node.metadata.labels ?? {};
    const fields = { "metadata.name": node.metadata.name ?? "" };
    return (
      matchExpressions.every((requirement) => fits(requirement, labels)) &&
      matchFields.every((requirement) => fits(requirement, fields))
    );
  });
}

function fits(
  { key, operator, values = [] }: NodeSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt":
      return compares(operator, value, values[0]);
    default:
      return false;
  }
}

/** Both have to be whole numbers. */
function compares(operator: "Gt" | "Lt", value: string | undefined, bound: string | undefined): boolean {
  const whole = /^[+-]?\d{1,18}$/;
  if (value === undefined || bound === undefined || !whole.test(value) || !whole.test(bound)) return false;
  return operator === "Gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}
