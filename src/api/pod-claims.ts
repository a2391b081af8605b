/** Which claims a Pod's volumes use. */
import type { Pod, Volume } from "./gen/types.ts";

/** The claim of a volume: the named one, or for an ephemeral volume that of its own; undefined for other kinds. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral) return `${pod.metadata.name ?? ""}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

export function claimNamesOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).map((volume) => claimNameOf(pod, volume)).filter((name) => name !== undefined);
}
