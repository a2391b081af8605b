/**
 * What Kubernetes fills in before it stores an object: the defaults of the schema table, those that are written by hand
 * there (pkg/apis/core/v1/defaults.go), and what its admission plugins add to every Pod (service account, priority,
 * tolerations), so that clients find the fields that they expect. Pure; the argument is not changed.
 */
import { base64OfText } from "./base64.ts";
import { type Draft, draftOf } from "./draft.ts";
import { SCHEMA } from "./gen/schema.ts";
import type { Namespace, Node, RoleBinding, Secret, Pod } from "./gen/types.ts";
import type { KubeObject } from "./object.ts";
import { admitPod, defaultPod } from "./pod-defaults.ts";
import { resourceOfKind } from "./resources.ts";
import type { SchemaField } from "./schema.ts";

/** The object with its defaults, and with what admission adds. Kinds that are not served come back as they are. */
export function withDefaults<T extends KubeObject>(object: T): T {
  const draft = withApiDefaults(object);
  if (draft !== object && object.kind === "Pod") admitPod(draft as unknown as Draft<Pod>);
  return draft;
}

/** Only with the defaults of the API itself: those are the writer's own, as what admission adds is nobody's. */
export function withApiDefaults<T extends KubeObject>(object: T): T {
  const resource = resourceOfKind(object.apiVersion, object.kind);
  if (!resource) return object;
  const draft = draftOf(object);
  fillIn(draft, { ref: resource.definition });
  BY_KIND[object.kind]?.(draft);
  return draft as T;
}

const BY_KIND: Readonly<Record<string, (draft: unknown) => void>> = {
  Pod: (draft) => defaultPod(draft as Draft<Pod>),
  Secret: (draft) => defaultSecret(draft as Draft<Secret>),
  Namespace: (draft) => defaultNamespace(draft as Draft<Namespace>),
  Node: (draft) => defaultNode(draft as Draft<Node>),
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

/** Kubernetes: pkg/apis/rbac/v1/defaults.go. */
function defaultBinding({ roleRef, subjects = [] }: Draft<RoleBinding>): void {
  const group = "rbac.authorization.k8s.io";
  roleRef.apiGroup ||= group;
  for (const subject of subjects) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= group;
  }
}
