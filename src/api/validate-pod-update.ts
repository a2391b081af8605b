/** Which fields of a Pod's spec may change after it was created. */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid } from "./field-error.ts";
import type { Container, Pod, PodSpec, Toleration } from "./gen/types.ts";
import { isRecord } from "./record.ts";

const UPDATABLE = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
];

export function* validatePodUpdate(next: Pod, previous: Pod): Generator<FieldError> {
  const [to, from] = [next.spec, previous.spec];
  if (!to || !from) return;
  for (const field of ["containers", "initContainers"] as const) {
    if ((to[field] ?? []).length === (from[field] ?? []).length) continue;
    yield forbidden(`spec.${field}`, "pod updates may not add or remove containers");
    return;
  }
  yield* validateDeadline(to.activeDeadlineSeconds, from.activeDeadlineSeconds);
  yield* validateTolerations(to.tolerations ?? [], from.tolerations ?? []);
  const fixed = withUpdatable(to, from);
  if (equalJson(fixed, from)) return;
  const changed = changedPaths(fixed, from, "spec").join(", ");
  const detail = `pod updates may not change fields other than ${UPDATABLE.join(",")}\nchanged: ${changed}`;
  yield forbidden("spec", detail);
}

/** `next` with every field that may change as it was. */
function withUpdatable(next: PodSpec, previous: PodSpec): PodSpec {
  const { activeDeadlineSeconds: _a, tolerations: _t, schedulingGates: _s, ...rest } = next;
  const { activeDeadlineSeconds, tolerations, schedulingGates, terminationGracePeriodSeconds: grace } = previous;
  const graceToOne = grace !== undefined && grace < 0 && next.terminationGracePeriodSeconds === 1;
  return {
    ...rest,
    containers: withImages(next.containers, previous.containers),
    ...(next.initContainers && { initContainers: withImages(next.initContainers, previous.initContainers ?? []) }),
    ...(activeDeadlineSeconds !== undefined && { activeDeadlineSeconds }),
    ...(tolerations && { tolerations }),
    ...(schedulingGates && { schedulingGates }),
    ...(graceToOne && { terminationGracePeriodSeconds: grace }),
  };
}

function withImages(next: readonly Container[], previous: readonly Container[]): Container[] {
  return next.map((container, index) => {
    const { image: _, ...rest } = container;
    const image = previous[index]?.image;
    return image === undefined ? rest : { ...rest, image };
  });
}

function* validateDeadline(next: number | undefined, previous: number | undefined): Generator<FieldError> {
  if (previous === undefined) return;
  const path = "spec.activeDeadlineSeconds";
  if (next === undefined) yield invalid(path, null, "must not update from a positive integer to nil value");
  else if (next > previous) yield invalid(path, next, "must be less than or equal to previous value");
}

function* validateTolerations(next: readonly Toleration[], previous: readonly Toleration[]): Generator<FieldError> {
  const withoutSeconds = ({ tolerationSeconds: _seconds, ...rest }: Toleration): unknown => rest;
  const kept = previous.every((old) => next.some((each) => equalJson(withoutSeconds(each), withoutSeconds(old))));
  if (kept) return;
  yield forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
}

/** The paths of the fields in which two values differ. */
export function changedPaths(a: unknown, b: unknown, path: string): string[] {
  if (equalJson(a, b)) return [];
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return [path];
    return a.flatMap((item, index) => changedPaths(item, b[index], `${path}[${index}]`));
  }
  if (!isRecord(a) || !isRecord(b)) return [path];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].flatMap((key) => changedPaths(a[key], b[key], `${path}.${key}`));
}
