/** What volumes and claims get. Kubernetes: plugin/pkg/admission/storage. */
import type { PersistentVolumeClaim, StorageClass } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { resourceNameOf, STORAGE_CLASSES } from "../../../api/resources.ts";
import { defaultStorageClass } from "../../../api/storage-class.ts";
import type { Store } from "../../../store/store.ts";

/** Finalizers that hold a volume while it is bound, and a claim while a Pod uses it. */
export const VOLUME_PROTECTION = "kubernetes.io/pv-protection";
export const CLAIM_PROTECTION = "kubernetes.io/pvc-protection";

/** A claim that names no class gets the default one, if there is one. */
export function withDefaultStorageClass(claim: PersistentVolumeClaim, store: Store): PersistentVolumeClaim {
  if (!claim.spec || claim.spec.storageClassName !== undefined) return claim;
  const classes = store.list(resourceNameOf(STORAGE_CLASSES)).items as readonly StorageClass[];
  const name = defaultStorageClass(classes)?.metadata.name;
  return name === undefined ? claim : { ...claim, spec: { ...claim.spec, storageClassName: name } };
}

export function withInUseProtection(object: KubeObject): KubeObject {
  const finalizer = object.kind === "PersistentVolume" ? VOLUME_PROTECTION : CLAIM_PROTECTION;
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(finalizer)) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: [...finalizers, finalizer] } };
}
