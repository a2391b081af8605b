/** How long a Pod stays on a node that fails. Kubernetes: plugin/pkg/admission/defaulttolerationseconds. */
import type { Pod, Toleration } from "../../../api/gen/types.ts";

const SECONDS = 300;
const KEYS = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

export function withDefaultTolerations(pod: Pod): Pod {
  if (!pod.spec) return pod;
  const given = pod.spec.tolerations ?? [];
  const added = KEYS.filter((key) => !given.some((toleration) => tolerates(toleration, key)));
  if (added.length === 0) return pod;
  const tolerations = added.map((key) => ({
    key,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: SECONDS,
  }));
  return { ...pod, spec: { ...pod.spec, tolerations: [...given, ...tolerations] } };
}

function tolerates(toleration: Toleration, key: string): boolean {
  return (!toleration.key || toleration.key === key) && (!toleration.effect || toleration.effect === "NoExecute");
}
