/** Metadata (Kubernetes: apimachinery api/validation/objectmeta.go). */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "./field-error.ts";
import type { ObjectMeta } from "./gen/types.ts";
import { labelNameFaults, labelValueFaults, qualifiedNameFaults } from "./names.ts";

/** All annotations of an object together. */
const ANNOTATIONS_MAX_BYTES = 256 * 1024;

interface MetaRules {
  readonly namespaced: boolean;
  readonly nameFaults: (name: string) => readonly string[];
}

export function* validateMeta(meta: ObjectMeta, rules: MetaRules): Generator<FieldError> {
  const { name = "", generateName = "", namespace = "" } = meta;
  // What will stand behind a generated name's prefix is right, so a hyphen at its end is too.
  const prefix = generateName.replace(/-$/, "a");
  if (prefix !== "") yield* faults("metadata.generateName", generateName, rules.nameFaults(prefix));
  if (name !== "") yield* faults("metadata.name", name, rules.nameFaults(name));
  else yield required("metadata.name", "name or generateName is required");
  if (rules.namespaced) {
    if (namespace === "") yield required("metadata.namespace");
    else yield* faults("metadata.namespace", namespace, labelNameFaults(namespace));
  } else if (namespace !== "") {
    yield forbidden("metadata.namespace", "not allowed on this type");
  }
  yield* validateLabels(meta.labels, "metadata.labels");
  yield* validateAnnotations(meta.annotations);
  for (const [index, finalizer] of (meta.finalizers ?? []).entries()) {
    yield* faults(`metadata.finalizers[${index}]`, finalizer, qualifiedNameFaults(finalizer));
  }
}

export function* validateMetaUpdate(next: ObjectMeta, previous: ObjectMeta): Generator<FieldError> {
  const fields = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const;
  for (const field of fields) {
    if (!equalJson(next[field], previous[field])) {
      yield invalid(`metadata.${field}`, next[field] ?? null, "field is immutable");
    }
  }
}

export function* validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: string,
): Generator<FieldError> {
  for (const [key, value] of Object.entries(labels ?? {})) {
    yield* faults(path, key, qualifiedNameFaults(key));
    yield* faults(path, value, labelValueFaults(value));
  }
}

function* validateAnnotations(annotations: Readonly<Record<string, string>> | undefined): Generator<FieldError> {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    yield* faults("metadata.annotations", key, qualifiedNameFaults(key.toLowerCase()));
    size += byteLength(key) + byteLength(value);
  }
  if (size > ANNOTATIONS_MAX_BYTES) yield tooLong("metadata.annotations", ANNOTATIONS_MAX_BYTES);
}

/** In UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** One finding per fault of a name. */
export function faults(path: string, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(path, value, message));
}
