/** What the resize subresource may change: CPU and memory of containers. Kubernetes: ValidatePodResize. */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid } from "./field-error.ts";
import type { Container, Pod } from "./gen/types.ts";
import { qosClassOf } from "./qos.ts";

const MUTABLE = ["cpu", "memory"];

type Amounts = Readonly<Record<string, string | number>>;

export function* validateResize(next: Pod, previous: Pod): Generator<FieldError> {
  if (!next.spec || !previous.spec) return;
  if (qosClassOf(next.spec) !== qosClassOf(previous.spec)) {
    const told = previous.status?.qosClass ?? "";
    yield invalid("spec", told, "Pod QOS Class may not change as a result of resizing");
  }
  for (const [index, before] of (previous.spec.initContainers ?? []).entries()) {
    const after = next.spec.initContainers?.[index];
    if (equalJson(after?.resources ?? {}, before.resources ?? {})) continue;
    yield forbidden(`spec.initContainers[${index}]`, "resources for non-sidecar init containers are immutable");
  }
  for (const [index, before] of previous.spec.containers.entries()) {
    const after = next.spec.containers[index];
    if (after) yield* validateContainer(after, before, `spec.containers[${index}]`);
  }
}

function* validateContainer(next: Container, previous: Container, path: string): Generator<FieldError> {
  let others = !equalJson(next.resources?.claims ?? [], previous.resources?.claims ?? []);
  for (const field of ["requests", "limits"] as const) {
    const [after, before]: Amounts[] = [next.resources?.[field] ?? {}, previous.resources?.[field] ?? {}];
    if (MUTABLE.some((name) => Object.hasOwn(before!, name) && !Object.hasOwn(after!, name))) {
      yield forbidden(`${path}.resources.${field}`, `resource ${field} cannot be removed`);
    }
    others ||= !equalJson(withoutMutable(after!), withoutMutable(before!));
  }
  if (others) yield forbidden(path, "only cpu and memory resources are mutable");
}

function withoutMutable(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => !MUTABLE.includes(name)));
}
