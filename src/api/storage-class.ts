/** Which storage class claims get that name none. Kubernetes: pkg/volume/util/storageclass.go. */
import type { StorageClass } from "./gen/types.ts";

const DEFAULT_ANNOTATIONS = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

export function isDefaultStorageClass({ metadata }: StorageClass): boolean {
  return DEFAULT_ANNOTATIONS.some((annotation) => metadata.annotations?.[annotation] === "true");
}

/** The newest of those that are marked as default, by name when they are of the same second. */
export function defaultStorageClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const created = ({ metadata }: StorageClass): number => Date.parse(metadata.creationTimestamp ?? "") || 0;
  const byName = (a: StorageClass, b: StorageClass): number =>
    (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1;
  return classes.filter(isDefaultStorageClass).toSorted((a, b) => created(b) - created(a) || byName(a, b))[0];
}
