/** `metrics.k8s.io`: what Pods and the node use now. */
import type { Quantity } from "../api/gen/types.ts";
import type { Http } from "./http.ts";
import { pathOf, withQuery } from "./query.ts";

const ROOT = "/apis/metrics.k8s.io/v1beta1";

export interface Usage {
  readonly cpu: Quantity;
  readonly memory: Quantity;
}

export interface PodMetrics {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly timestamp: string;
  readonly containers: readonly { readonly name: string; readonly usage: Usage }[];
}

export interface NodeMetrics {
  readonly metadata: { readonly name: string };
  readonly timestamp: string;
  readonly usage: Usage;
}

export interface MetricsClient {
  /** Of one namespace, or of all when undefined. */
  pods(namespace?: string, labelSelector?: string): Promise<readonly PodMetrics[]>;
  nodes(): Promise<readonly NodeMetrics[]>;
}

/** Binds the metrics to a node. */
export function metricsClient(http: Http): MetricsClient {
  return {
    async pods(namespace, labelSelector) {
      const path = `${ROOT}${namespace === undefined ? "" : pathOf("namespaces", namespace)}/pods`;
      return (await http.json<{ items: readonly PodMetrics[] }>("GET", withQuery(path, { labelSelector }))).items;
    },
    nodes: async () => (await http.json<{ items: readonly NodeMetrics[] }>("GET", `${ROOT}/nodes`)).items,
  };
}
