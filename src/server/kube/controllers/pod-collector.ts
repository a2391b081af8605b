/**
 * Pods that have ended stay, so that they can be looked at, until there are too many of them: then the oldest go.
 * Kubernetes: pkg/controller/podgc (`--terminated-pod-gc-threshold`).
 */
import type { Pod } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf } from "../../../api/resources.ts";
import { WorkQueue } from "../../../base/work-queue.ts";
import type { KubeServerOptions } from "../context.ts";
import { removeObject } from "../objects/delete.ts";

/** How many ended Pods are kept. A cluster keeps 12,500; here each also has records and logs on this one disk. */
const ENDED_MAX = 1_000;

export function collectPods(node: KubeServerOptions): Disposable {
  const { store, clock, log } = node;
  const running = new DisposableStack();
  const queue = running.use(new WorkQueue({ name: "pods", clock, log, work: () => collect(node) }));
  running.use(
    store.watch(resourceNameOf(PODS), ({ object, previous }) => {
      if (hasEnded(object as Pod) && !(previous && hasEnded(previous as Pod))) queue.add("");
    }),
  );
  queue.add("");
  return running;
}

function collect(node: KubeServerOptions): void {
  const ended = (node.store.list(resourceNameOf(PODS)).items as readonly Pod[]).filter(
    (pod) => hasEnded(pod) && !pod.metadata.deletionTimestamp,
  );
  const created = ({ metadata }: Pod): number => Date.parse(metadata.creationTimestamp ?? "") || 0;
  const extra = ended.toSorted((a, b) => created(a) - created(b)).slice(0, Math.max(0, ended.length - ENDED_MAX));
  for (const pod of extra) removeObject(node, PODS, pod, { gracePeriodSeconds: 0 });
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
