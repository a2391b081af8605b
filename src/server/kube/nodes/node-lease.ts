/**
 * The node's Lease, `kube-node-lease/NAME`: a kubelet renews it every 10 seconds to say that it lives. Here the API and the
 * kubelet are one process, so whoever can read the Lease sees that the node lives: it is made and renewed when somebody reads
 * it, and an idle node writes nothing. Who watches it is told of renewals that reads have made.
 * Kubernetes: pkg/kubelet/kubelet.go (setNodeOwnerFunc, nodeLeaseDurationSeconds), component-helpers/apimachinery/lease.
 */
import type { Lease } from "../../../api/gen/types.ts";
import { LEASES, NODES, resourceNameOf } from "../../../api/resources.ts";
import type { Handler, KubeServerOptions, ResourceContext } from "../context.ts";
import { newObject } from "../controllers/new-object.ts";

const NAMESPACE = "kube-node-lease";
/** The kubelet's. */
const DURATION_S = 40;
/** A quarter of it, as the kubelet renews. */
const RENEW_AFTER_MS = 10_000;

const RESOURCE = resourceNameOf(LEASES);

/** A handler for Leases that finds the node's own one there and fresh. */
export function withNodeLease(handler: Handler): Handler {
  return (context) => {
    if (isRead(context)) renew(context.node);
    return handler(context);
  };
}

function isRead({ info, node }: ResourceContext): boolean {
  const { verb, namespace, name } = info;
  const isOurs = (namespace === NAMESPACE || namespace === "") && (name === "" || name === node.nodeName);
  return isOurs && (verb === "get" || verb === "list" || verb === "watch");
}

function renew(node: KubeServerOptions): void {
  const { store, clock, nodeName } = node;
  const stored = store.get({ resource: RESOURCE, namespace: NAMESPACE, name: nodeName }) as Lease | undefined;
  const now = clock.now();
  const renewedMs = Date.parse(stored?.spec?.renewTime ?? "");
  // Also after a clock that was ahead.
  if (Math.abs(now - renewedMs) < RENEW_AFTER_MS) return;
  const renewTime = new Date(now).toISOString().replace("Z", "000Z");
  if (stored) {
    store.update(RESOURCE, { ...stored, spec: { ...stored.spec, renewTime } } as Lease, "async");
    return;
  }
  const namespace = store.get({ resource: "namespaces", namespace: "", name: NAMESPACE });
  const self = store.get({ resource: resourceNameOf(NODES), namespace: "", name: nodeName });
  if (!namespace || namespace.metadata.deletionTimestamp || self?.metadata.uid === undefined) return;
  const owner = { apiVersion: "v1", kind: "Node", name: nodeName, uid: self.metadata.uid };
  const lease: Lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: nodeName, namespace: NAMESPACE, ownerReferences: [owner] },
    spec: { holderIdentity: nodeName, leaseDurationSeconds: DURATION_S, renewTime },
  };
  store.create(RESOURCE, newObject(node, lease), "async");
}
