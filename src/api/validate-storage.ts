/** Persistent volumes, their claims and storage classes (Kubernetes: pkg/apis/core/validation, pkg/apis/storage/validation). */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid, notSupported, oneOf, required } from "./field-error.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  StorageClass,
} from "./gen/types.ts";
import { qualifiedNameFaults, subdomainFaults } from "./names.ts";
import { compareQuantity } from "./quantity.ts";
import { faults } from "./validate-meta.ts";
import { validateNodeSelector } from "./validate-node-selector.ts";
import { validateHostPath, validateNoBacksteps } from "./validate-volume.ts";

const ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES = ["Block", "Filesystem"];
const IMMUTABLE = "field is immutable";

/** Fields of a volume's spec that are no source of one. */
const NOT_SOURCES = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

/** The fields that say what a volume is made of; there should be one. */
export function volumeSources(spec: PersistentVolumeSpec): string[] {
  return Object.entries(spec)
    .filter(([field, value]) => value !== undefined && !NOT_SOURCES.has(field))
    .map(([field]) => field);
}

export function* validatePersistentVolume({ spec = {} }: PersistentVolume): Generator<FieldError> {
  yield* validateAccessModes(spec.accessModes ?? [], "spec.accessModes");
  yield* validateCapacity(spec.capacity ?? {});
  const policies = ["Delete", "Recycle", "Retain"];
  const policy = spec.persistentVolumeReclaimPolicy ?? "";
  if (policy !== "") yield* oneOf("spec.persistentVolumeReclaimPolicy", policy, policies);
  yield* validateVolumeAffinity(spec);
  const [first, ...others] = volumeSources(spec);
  if (first === undefined) yield required("spec", "must specify a volume type");
  for (const kind of others) yield forbidden(`spec.${kind}`, "may not specify more than 1 volume type");
  if (spec.hostPath) yield* validateHostPath(spec.hostPath, "spec.hostPath");
  if (spec.local) {
    if (!spec.local.path) yield required("spec.local.path");
    else yield* validateNoBacksteps(spec.local.path, "spec.local.path");
    if (!spec.nodeAffinity) yield required("spec.nodeAffinity", "Local volume requires node affinity");
  }
  if (policy === "Recycle" && /^\/+\.?$/.test(spec.hostPath?.path ?? "")) {
    yield forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'");
  }
  yield* validateClassAndMode(spec);
}

function* validateCapacity(capacity: Readonly<Record<string, string | number>>): Generator<FieldError> {
  const names = Object.keys(capacity);
  if (names.length === 0) yield required("spec.capacity");
  if (capacity["storage"] === undefined || names.length > 1) yield notSupported("spec.capacity", capacity, ["storage"]);
  for (const [name, amount] of Object.entries(capacity)) yield* validatePositive(amount, `spec.capacity[${name}]`);
}

function validatePositive(amount: string | number, path: string): FieldError[] {
  return compareQuantity(amount, 0) > 0 ? [] : [invalid(path, String(amount), "must be greater than zero")];
}

function* validateVolumeAffinity({ nodeAffinity }: PersistentVolumeSpec): Generator<FieldError> {
  if (!nodeAffinity) return;
  const path = "spec.nodeAffinity.required";
  if (nodeAffinity.required) yield* validateNodeSelector(nodeAffinity.required, path);
  else yield required(path, "must specify required node constraints");
}

function* validateAccessModes(modes: readonly string[], path: string, why = ""): Generator<FieldError> {
  if (modes.length === 0) yield required(path, why);
  for (const mode of modes) yield* oneOf(path, mode, ACCESS_MODES);
  if (modes.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod")) {
    yield forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

function* validateClassAndMode(spec: PersistentVolumeSpec | PersistentVolumeClaimSpec): Generator<FieldError> {
  const { storageClassName, volumeMode } = spec;
  if (storageClassName) yield* faults("spec.storageClassName", storageClassName, subdomainFaults(storageClassName));
  if (volumeMode !== undefined) yield* oneOf("spec.volumeMode", volumeMode, VOLUME_MODES);
}

/** What a volume is made of stays; its class and its claim may change. */
export function* validatePersistentVolumeUpdate(
  next: PersistentVolume,
  previous: PersistentVolume,
): Generator<FieldError> {
  const source = ({ spec = {} }: PersistentVolume): unknown =>
    Object.fromEntries(Object.entries(spec).filter(([field]) => !NOT_SOURCES.has(field)));
  if (!equalJson(source(next), source(previous))) {
    yield forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
  }
  if (next.spec?.volumeMode !== previous.spec?.volumeMode) {
    yield invalid("volumeMode", next.spec?.volumeMode ?? null, IMMUTABLE);
  }
  if (previous.spec?.nodeAffinity && !equalJson(next.spec?.nodeAffinity, previous.spec.nodeAffinity)) {
    yield invalid("nodeAffinity", next.spec?.nodeAffinity ?? null, IMMUTABLE);
  }
}

export function* validateClaim({ spec = {} }: PersistentVolumeClaim): Generator<FieldError> {
  yield* validateAccessModes(spec.accessModes ?? [], "spec.accessModes", "at least 1 access mode is required");
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) yield required("spec.resources[storage]");
  else yield* validatePositive(storage, "spec.resources[storage]");
  yield* validateClassAndMode(spec);
}

/** A claim stays as it is, but for the volume that it gets, and for its size once it is bound. */
export function* validateClaimUpdate(
  next: PersistentVolumeClaim,
  previous: PersistentVolumeClaim,
): Generator<FieldError> {
  const [to, from] = [next.spec ?? {}, previous.spec ?? {}];
  const bound = next.status?.phase === "Bound";
  const fixed = ({
    volumeName,
    resources,
    volumeAttributesClassName,
    ...rest
  }: PersistentVolumeClaimSpec): unknown => ({
    ...rest,
    ...(from.volumeName ? { volumeName } : {}),
    ...(bound ? {} : { resources, volumeAttributesClassName }),
  });
  if (!equalJson(fixed(to), fixed(from))) {
    const what = "spec is immutable after creation except resources.requests and volumeAttributesClassName";
    yield forbidden("spec", `${what} for bound claims`);
  }
  const size = ({ resources }: PersistentVolumeClaimSpec): string | number => resources?.requests?.["storage"] ?? "0";
  if (compareQuantity(size(to), size(from)) < 0) {
    const held = previous.status?.capacity?.["storage"] ?? "0";
    if (compareQuantity(size(to), held) <= 0) {
      yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
    }
  }
}

export function* validateStorageClass({
  provisioner,
  reclaimPolicy = "",
  volumeBindingMode,
}: StorageClass): Generator<FieldError> {
  if (!provisioner) yield required("provisioner");
  else yield* faults("provisioner", provisioner.toLowerCase(), qualifiedNameFaults(provisioner.toLowerCase()));
  if (reclaimPolicy !== "") yield* oneOf("reclaimPolicy", reclaimPolicy, ["Delete", "Retain"]);
  if (!volumeBindingMode) yield required("volumeBindingMode");
  else yield* oneOf("volumeBindingMode", volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]);
}

export function* validateStorageClassUpdate(next: StorageClass, previous: StorageClass): Generator<FieldError> {
  for (const field of ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const) {
    if (!equalJson(next[field], previous[field])) yield invalid(field, next[field] ?? null, IMMUTABLE);
  }
}
