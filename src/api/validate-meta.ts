/** Metadata (Kubernetes: apimachinery api/validation/objectmeta.go). */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "./field-error.ts";
import type { ObjectMeta, OwnerReference } from "./gen/types.ts";
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
  yield* validateAnnotations(meta.annotations, "metadata.annotations");
  yield* validateOwners(meta.ownerReferences ?? []);
  yield* validateFinalizers(meta.finalizers ?? []);
}

function* validateOwners(owners: readonly OwnerReference[]): Generator<FieldError> {
  const path = "metadata.ownerReferences";
  let controller = "";
  for (const owner of owners) {
    const { apiVersion, kind, name, uid } = owner;
    if (apiVersion === "" || apiVersion.endsWith("/")) {
      yield invalid(`${path}.apiVersion`, apiVersion, "version must not be empty");
    }
    for (const [field, value] of Object.entries({ kind, name, uid })) {
      if (value === "") yield invalid(`${path}.${field}`, value, "must not be empty");
    }
    if (apiVersion === "v1" && kind === "Event") {
      yield invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner");
    }
    if (!owner.controller) continue;
    const found = `Only one reference can have Controller set to true. Found "true" in references for ${controller}`;
    if (controller === "") controller = `${kind}/${name}`;
    else yield invalid(path, owners, `${found} and ${kind}/${name}`);
  }
}

/** Finalizers by which the garbage collector holds an object that is being deleted. */
export const ORPHAN = "orphan";
export const FOREGROUND = "foregroundDeletion";
const STANDARD_FINALIZERS = ["kubernetes", ORPHAN, FOREGROUND];

function* validateFinalizers(finalizers: readonly string[]): Generator<FieldError> {
  const path = "metadata.finalizers";
  for (const finalizer of finalizers) {
    const wrong = qualifiedNameFaults(finalizer);
    yield* faults(path, finalizer, wrong);
    if (wrong.length > 0 || finalizer.includes("/") || STANDARD_FINALIZERS.includes(finalizer)) continue;
    yield invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
  }
  if (finalizers.includes(ORPHAN) && finalizers.includes(FOREGROUND)) {
    yield invalid(path, finalizers, `finalizer ${ORPHAN} and ${FOREGROUND} cannot be both set`);
  }
}

export function* validateMetaUpdate(next: ObjectMeta, previous: ObjectMeta): Generator<FieldError> {
  const added = (next.finalizers ?? []).filter((finalizer) => !(previous.finalizers ?? []).includes(finalizer));
  if (previous.deletionTimestamp && added.length > 0) {
    const found = `[]string{${added
      .toSorted()
      .map((name) => JSON.stringify(name))
      .join(", ")}}`;
    const rule = `no new finalizers can be added if the object is being deleted, found new finalizers ${found}`;
    yield forbidden("metadata.finalizers", rule);
  }
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

export function* validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
): Generator<FieldError> {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    yield* faults(path, key, qualifiedNameFaults(key.toLowerCase()));
    size += byteLength(key) + byteLength(value);
  }
  if (size > ANNOTATIONS_MAX_BYTES) yield tooLong(path, ANNOTATIONS_MAX_BYTES);
}

/** In UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** One finding per fault of a name. */
export function faults(path: string, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(path, value, message));
}
