/** Tells what is used of each resource quota. Kubernetes: pkg/controller/resourcequota. */
import { equalJson } from "../../../api/equal.ts";
import type { ResourceQuota } from "../../../api/gen/types.ts";
import { usedOf } from "../../../api/quota.ts";
import { RESOURCE_QUOTAS, resourceNameOf, STORED_RESOURCES } from "../../../api/resources.ts";
import { WorkQueue } from "../../../base/work-queue.ts";
import { objectsOf } from "../admission/resource-quota.ts";
import type { KubeServerOptions } from "../context.ts";

const QUOTAS = resourceNameOf(RESOURCE_QUOTAS);

/** One look per namespace in which something was made, changed or removed; none where there is no quota. */
export function tellQuotaStatus(node: KubeServerOptions): Disposable {
  const { store, clock, log } = node;
  const running = new DisposableStack();
  const queue = running.use(new WorkQueue({ name: "quotas", clock, log, work: (key) => tellNamespace(node, key) }));
  const look = (namespace: string): void => {
    if (store.list(QUOTAS, namespace).items.length > 0) queue.add(namespace);
  };
  for (const resource of STORED_RESOURCES) {
    if (!resource.namespaced) continue;
    const name = resourceNameOf(resource);
    running.use(store.watch(name, ({ object }) => look(object.metadata.namespace ?? "")));
  }
  for (const quota of store.list(QUOTAS).items) look(quota.metadata.namespace ?? "");
  return running;
}

function tellNamespace({ store, clock }: KubeServerOptions, namespace: string): void {
  for (const quota of store.list(QUOTAS, namespace).items as readonly ResourceQuota[]) {
    const used = usedOf(quota, objectsOf(store, quota), clock.now());
    const hard = quota.spec?.hard;
    const status = hard === undefined ? {} : { hard, used };
    if (!equalJson(status, quota.status)) store.update(QUOTAS, { ...quota, status }, "async");
  }
}
