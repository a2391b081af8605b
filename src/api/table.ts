/**
 * Table objects: what `kubectl get` prints is computed by the server (meta.k8s.io/v1 Table; Kubernetes:
 * pkg/printers/internalversion). The time is an argument.
 */
import type { ListMeta } from "./gen/types.ts";
import type { KubeObject } from "./object.ts";
import { printConfigMap, printNamespace, printSecret, printServiceAccount } from "./print-data.ts";
import { printLease, printPriorityClass, printRuntimeClass } from "./print-class.ts";
import { printEvent } from "./print-event.ts";
import { printNode } from "./print-node.ts";
import { printPod } from "./print-pod.ts";
import { printPodTemplate } from "./print-pod-template.ts";
import { type Cell, type Column, printCreated, type Printer } from "./printer.ts";
import { printResourceQuota } from "./print-quota.ts";
import { printPersistentVolume, printPersistentVolumeClaim, printStorageClass } from "./print-storage.ts";
import { printRole, printRoleBinding } from "./print-rbac.ts";

export interface TableRow {
  readonly cells: readonly Cell[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  /** The object, its metadata only, or nothing, as the client asked. */
  readonly object?: unknown;
}

export interface Table {
  readonly kind: "Table";
  readonly apiVersion: `meta.k8s.io/${MetaVersion}`;
  readonly metadata: ListMeta;
  /** Absent in the second and later tables of a watch, as Kubernetes leaves them out. */
  readonly columnDefinitions?: readonly Column[];
  readonly rows: readonly TableRow[];
}

/** What each row carries of its object: the request's `includeObject`. */
export type IncludeObject = "None" | "Metadata" | "Object";

export type MetaVersion = "v1" | "v1beta1";

export interface TableOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly includeObject?: IncludeObject;
  readonly metadata?: ListMeta;
  /** Of `meta.k8s.io`. */
  readonly version?: MetaVersion;
}

const PRINTERS: Readonly<Record<string, Printer>> = {
  Pod: printPod,
  Node: printNode,
  Event: printEvent,
  Namespace: printNamespace,
  ConfigMap: printConfigMap,
  Secret: printSecret,
  ServiceAccount: printServiceAccount,
  PodTemplate: printPodTemplate,
  ResourceQuota: printResourceQuota,
  PersistentVolume: printPersistentVolume,
  PersistentVolumeClaim: printPersistentVolumeClaim,
  StorageClass: printStorageClass,
  PriorityClass: printPriorityClass,
  RuntimeClass: printRuntimeClass,
  Lease: printLease,
  Role: printRole,
  ClusterRole: printRole,
  RoleBinding: printRoleBinding,
  ClusterRoleBinding: printRoleBinding,
};

/** The table of objects of one kind. */
export function tableOf(kind: string, objects: readonly KubeObject[], options: TableOptions): Table {
  const { columns, cells, conditions } = Object.hasOwn(PRINTERS, kind) ? PRINTERS[kind]! : printCreated;
  const { now, includeObject = "Metadata", metadata = {}, version = "v1" } = options;
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: columns,
    rows: objects.map((object) => ({
      cells: cells(object, now),
      ...conditions?.(object),
      ...(includeObject === "None"
        ? {}
        : { object: includeObject === "Object" ? object : partialMetadata(object, version) }),
    })),
  };
}

/** An object without all but its metadata (meta.k8s.io PartialObjectMetadata). */
export function partialMetadata({ metadata }: KubeObject, version: MetaVersion): KubeObject {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}
