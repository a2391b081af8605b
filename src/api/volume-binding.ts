/** Which persistent volume a claim gets (Kubernetes: component-helpers storage/volume/pv_helpers.go). Pure. */
import type { LabelSelector, Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "./gen/types.ts";
import { matchesNodeSelector } from "./node-affinity.ts";
import { compareQuantity } from "./quantity.ts";

/** True when the volume is promised to this claim, by name or for good. */
export function isBoundTo({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference?.name !== metadata.name || reference?.namespace !== metadata.namespace) return false;
  return !reference?.uid || reference.uid === metadata.uid;
}

/** Claims of such a class wait until a Pod uses them. */
export function bindsLate(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === "WaitForFirstConsumer";
}

/** The volume that fits: one that is promised to the claim, else the smallest that is free. `node` restricts to what it reaches. */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  options: { readonly promisedOnly?: boolean; readonly node?: Node } = {},
): PersistentVolume | undefined {
  const { promisedOnly = false, node } = options;
  const reachable = (volume: PersistentVolume): boolean => node === undefined || isReachable(volume, node);
  const large = volumes.filter(
    (volume) =>
      !volume.metadata.deletionTimestamp &&
      modeOf(volume) === modeOf(claim) &&
      compareQuantity(sizeOf(volume), wantedOf(claim)) >= 0 &&
      (volume.spec?.volumeAttributesClassName ?? "") === (claim.spec?.volumeAttributesClassName ?? ""),
  );
  const promised = large.find((volume) => isBoundTo(volume, claim));
  if (promised) return reachable(promised) ? promised : undefined;
  if (promisedOnly) return undefined;
  const free = large.filter(
    (volume) =>
      volume.spec?.claimRef === undefined &&
      volume.status?.phase === "Available" &&
      classOf(volume) === classOf(claim) &&
      selects(claim.spec?.selector, volume) &&
      hasModes(volume, claim) &&
      reachable(volume),
  );
  return free.toSorted((a, b) => compareQuantity(sizeOf(a), sizeOf(b)))[0];
}

/** Why a volume that the claim asks for by name can not be its; undefined when it can. */
export function mismatchOf(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp) return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (compareQuantity(sizeOf(volume), wantedOf(claim)) < 0) return "requested PV is too small";
  if (classOf(volume) !== classOf(claim)) return "storageClassName does not match";
  if (modeOf(volume) !== modeOf(claim)) return "incompatible volumeMode";
  return hasModes(volume, claim) ? undefined : "incompatible accessMode";
}

/** Whether the volume's node affinity lets the node have it. */
export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

function modeOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec?.volumeMode ?? "Filesystem";
}

function classOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec?.storageClassName ?? "";
}

function sizeOf({ spec }: PersistentVolume): string | number {
  return spec?.capacity?.["storage"] ?? "0";
}

function wantedOf({ spec }: PersistentVolumeClaim): string | number {
  return spec?.resources?.requests?.["storage"] ?? "0";
}

function hasModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const modes = volume.spec?.accessModes ?? [];
  return (claim.spec?.accessModes ?? []).every((mode) => modes.includes(mode));
}

function selects(selector: LabelSelector | undefined, { metadata }: PersistentVolume): boolean {
  const labels = metadata.labels ?? {};
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === "In") return value !== undefined && values.includes(value);
      if (operator === "NotIn") return value === undefined || !values.includes(value);
      return operator === "Exists" ? value !== undefined : value === undefined;
    })
  );
}
