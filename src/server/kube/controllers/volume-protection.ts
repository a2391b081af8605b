/**
 * Lets a claim that is being deleted go when no Pod uses it any more, and a volume when no claim is bound to it.
 * Kubernetes: pkg/controller/volume/{pvcprotection,pvprotection}.
 */
import type { PersistentVolume, Pod } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { claimNamesOf } from "../../../api/pod-claims.ts";
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, resourceNameOf } from "../../../api/resources.ts";
import { WorkQueue } from "../../../base/work-queue.ts";
import { CLAIM_PROTECTION, VOLUME_PROTECTION } from "../admission/storage.ts";
import type { KubeServerOptions } from "../context.ts";
import { removeFinalizer } from "../objects/finalize.ts";

const CLAIMS = resourceNameOf(PERSISTENT_VOLUME_CLAIMS);
const VOLUMES = resourceNameOf(PERSISTENT_VOLUMES);

export function protectVolumes(node: KubeServerOptions): Disposable {
  const { store, clock, log } = node;
  const running = new DisposableStack();
  const queue = running.use(new WorkQueue({ name: "volume protection", clock, log, work: (key) => look(node, key) }));
  const add = (resource: string, { metadata }: KubeObject): void => {
    if (metadata.deletionTimestamp) queue.add(`${resource}/${metadata.namespace ?? ""}/${metadata.name ?? ""}`);
  };
  for (const resource of [CLAIMS, VOLUMES]) {
    running.use(store.watch(resource, ({ object }) => add(resource, object)));
    for (const object of store.list(resource).items) add(resource, object);
  }
  running.use(
    store.watch(resourceNameOf(PODS), ({ type, object }) => {
      if (type !== "DELETED") return;
      const { namespace = "" } = object.metadata;
      for (const name of claimNamesOf(object as Pod)) queue.add(`${CLAIMS}/${namespace}/${name}`);
    }),
  );
  return running;
}

function look(node: KubeServerOptions, key: string): void {
  const [resource = "", namespace = "", name = ""] = key.split("/");
  const object = node.store.get({ resource, namespace, name });
  if (!object?.metadata.deletionTimestamp) return;
  if (resource === VOLUMES) {
    if ((object as PersistentVolume).status?.phase === "Bound") return;
    return removeFinalizer(node, PERSISTENT_VOLUMES, object, VOLUME_PROTECTION);
  }
  const pods = node.store.list(resourceNameOf(PODS), namespace).items as readonly Pod[];
  if (pods.some((pod) => pod.spec?.nodeName && claimNamesOf(pod).includes(name))) return;
  removeFinalizer(node, PERSISTENT_VOLUME_CLAIMS, object, CLAIM_PROTECTION);
}
