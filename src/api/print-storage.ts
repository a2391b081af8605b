/** Rows of persistent volumes, their claims and storage classes. */
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { AGE, column, NAME, type Printer } from "./printer.ts";
import { isDefaultStorageClass } from "./storage-class.ts";

const UNSET = "<unset>";
const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

export const printPersistentVolume: Printer = {
  columns: [
    NAME,
    column("Capacity", "The volume's size."),
    column("Access Modes", "How the volume can be mounted."),
    column("Reclaim Policy", "What happens to the volume when its claim goes."),
    column("Status", "Whether the volume is free, bound or released."),
    column("Claim", "The claim that the volume is bound to."),
    column("StorageClass", "The class of the volume."),
    column("VolumeAttributesClass", "The attributes class of the volume."),
    column("Reason", "Why the volume is in its status."),
    AGE,
    column("VolumeMode", "Whether the volume is a file system or a block device.", "wide"),
  ],
  cells(object, now) {
    const { metadata, spec, status } = object as PersistentVolume;
    return [
      metadata.name ?? "",
      String(spec?.capacity?.["storage"] ?? "0"),
      modes(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? "",
      metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""),
      spec?.claimRef ? `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}` : "",
      spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? UNSET,
      status?.reason ?? "",
      age(metadata.creationTimestamp, now),
      spec?.volumeMode ?? UNSET,
    ];
  },
};

export const printPersistentVolumeClaim: Printer = {
  columns: [
    NAME,
    column("Status", "Whether the claim is bound."),
    column("Volume", "The volume that the claim is bound to."),
    column("Capacity", "The size of that volume."),
    column("Access Modes", "How that volume can be mounted."),
    column("StorageClass", "The class that the claim asks for."),
    column("VolumeAttributesClass", "The attributes class that the claim asks for."),
    AGE,
    column("VolumeMode", "Whether a file system or a block device is claimed.", "wide"),
  ],
  cells(object, now) {
    const { metadata, spec, status } = object as PersistentVolumeClaim;
    const volume = spec?.volumeName ?? "";
    return [
      metadata.name ?? "",
      metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""),
      volume,
      volume === "" ? "" : String(status?.capacity?.["storage"] ?? "0"),
      volume === "" ? "" : modes(status?.accessModes),
      spec?.storageClassName ?? "",
      spec?.volumeAttributesClassName ?? UNSET,
      age(metadata.creationTimestamp, now),
      spec?.volumeMode ?? UNSET,
    ];
  },
};

export const printStorageClass: Printer = {
  columns: [
    NAME,
    column("Provisioner", "Who makes volumes of the class."),
    column("ReclaimPolicy", "What happens to such a volume when its claim goes."),
    column("VolumeBindingMode", "When a claim of the class is bound."),
    column("AllowVolumeExpansion", "Whether claims of the class may grow."),
    AGE,
  ],
  cells(object, now) {
    const storageClass = object as StorageClass;
    const { metadata, provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion } = storageClass;
    return [
      `${metadata.name ?? ""}${isDefaultStorageClass(storageClass) ? " (default)" : ""}`,
      provisioner,
      reclaimPolicy ?? "Delete",
      volumeBindingMode ?? "Immediate",
      allowVolumeExpansion ?? false,
      age(metadata.creationTimestamp, now),
    ];
  },
};

function modes(given: readonly string[] = []): string {
  return Object.entries(MODES)
    .filter(([mode]) => given.includes(mode))
    .map(([, short]) => short)
    .join(",");
}
