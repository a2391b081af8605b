/** The metrics group, which is computed and not stored. */
import type { DiscoveredResource } from "./discovered-resource.ts";

export const METRICS_GROUP = "metrics.k8s.io";
export const METRICS_VERSION = "v1beta1";

export const METRICS_RESOURCES: readonly DiscoveredResource[] = [
  { name: "nodes", singularName: "", namespaced: false, kind: "NodeMetrics", verbs: ["get", "list"] },
  { name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs: ["get", "list"] },
];
