/** The metrics group, which is computed and not stored. */
import type { DiscoveredResource } from "./discovered-resource.ts";

export const METRICS_GROUP = "metrics.k8s.io";
/** Both say the same; kubectl up to 1.36 knows the older only. */
export const METRICS_VERSIONS = ["v1", "v1beta1"] as const;
export type MetricsVersion = (typeof METRICS_VERSIONS)[number];

export const METRICS_RESOURCES: readonly DiscoveredResource[] = [
  { name: "nodes", singularName: "", namespaced: false, kind: "NodeMetrics", verbs: ["get", "list"] },
  { name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs: ["get", "list"] },
];
