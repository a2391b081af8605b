/** What of a Pod its own volumes show, and whether that is still so. Pure. */
import { equalJson } from "../api/equal.ts";
import type { Pod } from "../api/gen/types.ts";
import { showsPod } from "../volume/volume.ts";
import type { PodMemory } from "./memory.ts";

/** Labels and annotations are what of a Pod that runs can change. */
export function shownOf({ metadata: { labels, annotations } }: Pod): NonNullable<PodMemory["shown"]> {
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
}

/** Whether volumes show labels or annotations that the Pod has no more. */
export function showsOld(pod: Pod, shown: PodMemory["shown"]): boolean {
  const now = shownOf(pod);
  if (!shown || (shown.labels === now.labels && shown.annotations === now.annotations)) return false;
  return !equalJson(shown, now) && (pod.spec?.volumes ?? []).some(showsPod);
}
