/**
 * What Kubernetes fills in when it reads an object: the defaults of the schema table, and those that are written by hand
 * there (pkg/apis/<group>/v1/defaults.go). What depends on other objects is admission's. Pure; the argument is not changed.
 */
import { base64OfText } from "./base64.ts";
import { type Draft, draftOf } from "./draft.ts";
import { SCHEMA } from "./gen/schema.ts";
import type {
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  PriorityClass,
  ResourceQuota,
  RoleBinding,
  RuntimeClass,
  Secret,
  StorageClass,
} from "./gen/types.ts";
import type { KubeObject } from "./object.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { roundUpAmounts } from "./quantity.ts";
import { resourceOfKind } from "./resources.ts";
import type { SchemaField } from "./schema.ts";

/** The object with its defaults; what admission adds comes later. Kinds that are not served come back as they are. */
export function withDefaults<T extends KubeObject>(object: T): T {
  const resource = resourceOfKind(object.apiVersion, object.kind);
  if (!resource) return object;
  const draft = draftOf(object);
  fillIn(draft, { ref: resource.definition });
  BY_KIND[object.kind]?.(draft);
  return draft as T;
}

const BY_KIND: Readonly<Record<string, (draft: unknown) => void>> = {
  Pod: (draft) => defaultSpec((draft as Draft<Pod>).spec),
  PodTemplate: (draft) => defaultSpec((draft as Draft<PodTemplate>).template?.spec),
  Secret: (draft) => defaultSecret(draft as Draft<Secret>),
  Namespace: (draft) => defaultNamespace(draft as Draft<Namespace>),
  Node: (draft) => defaultNode(draft as Draft<Node>),
  LimitRange: (draft) => defaultLimitRange(draft as Draft<LimitRange>),
  ResourceQuota: (draft) => defaultResourceQuota(draft as Draft<ResourceQuota>),
  PersistentVolume: (draft) => defaultVolume(draft as Draft<PersistentVolume>),
  PersistentVolumeClaim: (draft) => defaultClaim(draft as Draft<PersistentVolumeClaim>),
  StorageClass: (draft) => defaultStorageClass(draft as Draft<StorageClass>),
  PriorityClass: (draft) => void ((draft as Draft<PriorityClass>).preemptionPolicy ||= "PreemptLowerPriority"),
  RuntimeClass: (draft) => defaultRuntimeClass(draft as Draft<RuntimeClass>),
  RoleBinding: (draft) => defaultBinding(draft as Draft<RoleBinding>),
  ClusterRoleBinding: (draft) => defaultBinding(draft as Draft<RoleBinding>),
};

/** The defaults of the schema table, all the way down. */
function fillIn(value: unknown, field: SchemaField): void {
  const definition = field.ref === undefined ? field : SCHEMA[field.ref]!;
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) fillIn(item, definition.items ?? {});
    return;
  }
  const fields = "fields" in definition ? definition.fields : undefined;
  const record = value as Record<string, unknown>;
  for (const [key, below] of Object.entries(fields ?? {})) {
    if (record[key] === undefined || record[key] === "") {
      if (below.default !== undefined) record[key] = structuredClone(below.default);
    } else fillIn(record[key], below);
  }
}

function defaultSecret(secret: Draft<Secret>): void {
  secret.type ||= "Opaque";
  if (!secret.stringData) return;
  secret.data ??= {};
  for (const [key, text] of Object.entries(secret.stringData)) secret.data[key] = base64OfText(text);
  delete secret.stringData;
}

function defaultNamespace(namespace: Draft<Namespace>): void {
  const { name } = namespace.metadata;
  if (name) namespace.metadata.labels = { ...namespace.metadata.labels, "kubernetes.io/metadata.name": name };
  namespace.spec ??= {};
  namespace.spec.finalizers ??= ["kubernetes"];
  namespace.status ??= {};
  namespace.status.phase ||= "Active";
}

function defaultNode(node: Draft<Node>): void {
  if (node.status?.capacity) node.status.allocatable ??= { ...node.status.capacity };
}

function defaultSpec(spec: Draft<NonNullable<Pod["spec"]>> | undefined): void {
  if (spec) defaultPodSpec(spec);
}

/** A container's limit falls back to the largest one allowed, its request to the limit, then to the least allowed. */
function defaultLimitRange(range: Draft<LimitRange>): void {
  for (const item of range.spec?.limits ?? []) {
    for (const field of ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const) {
      if (item[field]) item[field] = roundUpAmounts(item[field]);
    }
    if (item.type !== "Container") continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  }
}

function defaultResourceQuota(quota: Draft<ResourceQuota>): void {
  if (quota.spec?.hard) quota.spec.hard = roundUpAmounts(quota.spec.hard);
}

function defaultVolume(volume: Draft<PersistentVolume>): void {
  volume.status ??= {};
  volume.status.phase ||= "Pending";
  if (!volume.spec) return;
  volume.spec.persistentVolumeReclaimPolicy ||= "Retain";
  volume.spec.volumeMode ||= "Filesystem";
  if (volume.spec.hostPath) volume.spec.hostPath.type ??= "";
}

function defaultClaim(claim: Draft<PersistentVolumeClaim>): void {
  claim.status ??= {};
  claim.status.phase ||= "Pending";
  if (claim.spec) claim.spec.volumeMode ||= "Filesystem";
}

function defaultStorageClass(storageClass: Draft<StorageClass>): void {
  storageClass.reclaimPolicy ||= "Delete";
  storageClass.volumeBindingMode ||= "Immediate";
}

function defaultRuntimeClass(runtimeClass: Draft<RuntimeClass>): void {
  const overhead = runtimeClass.overhead;
  if (overhead?.podFixed) overhead.podFixed = roundUpAmounts(overhead.podFixed);
}

/** Kubernetes: pkg/apis/rbac/v1/defaults.go. */
function defaultBinding({ roleRef, subjects = [] }: Draft<RoleBinding>): void {
  const group = "rbac.authorization.k8s.io";
  roleRef.apiGroup ||= group;
  for (const subject of subjects) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= group;
  }
}
