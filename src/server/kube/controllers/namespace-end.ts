/**
 * A namespace that is being deleted takes its objects with it: first its Pods, and when the last has ended everything else.
 * It goes when nothing is left and nobody holds it. Kubernetes: pkg/controller/namespace/deletion.
 */
import { equalJson } from "../../../api/equal.ts";
import type { Namespace, NamespaceCondition } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { NAMESPACES, PODS, type Resource, resourceNameOf, STORED_RESOURCES } from "../../../api/resources.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import { WorkQueue } from "../../../base/work-queue.ts";
import type { KubeServerOptions } from "../context.ts";
import { removeObject } from "../objects/delete.ts";

/** What holds every namespace until it is empty. */
const CONTENT_FINALIZER = "kubernetes";
const INSIDE = STORED_RESOURCES.filter(({ namespaced }) => namespaced);

export function endNamespaces(node: KubeServerOptions): Disposable {
  const { store, clock, log } = node;
  const running = new DisposableStack();
  const queue = running.use(
    new WorkQueue({ name: "namespaces", clock, log, work: (name) => endNamespace(node, name) }),
  );
  const look = ({ metadata }: KubeObject): void => {
    if (metadata.deletionTimestamp) queue.add(metadata.name ?? "");
  };
  running.use(store.watch(resourceNameOf(NAMESPACES), ({ object }) => look(object)));
  for (const resource of INSIDE) {
    const name = resourceNameOf(resource);
    running.use(
      store.watch(name, ({ object }) => {
        const key = { resource: resourceNameOf(NAMESPACES), namespace: "", name: object.metadata.namespace ?? "" };
        const namespace = store.get(key);
        if (namespace) look(namespace);
      }),
    );
  }
  for (const namespace of store.list(resourceNameOf(NAMESPACES)).items) look(namespace);
  return running;
}

function endNamespace(node: KubeServerOptions, name: string): void {
  const key = { resource: resourceNameOf(NAMESPACES), namespace: "", name };
  const namespace = node.store.get(key) as Namespace | undefined;
  if (!namespace?.metadata.deletionTimestamp) return;
  const held = (namespace.spec?.finalizers ?? []).includes(CONTENT_FINALIZER);
  const left = held ? empty(node, name) : NOTHING;
  const done = left.objects.size === 0 && left.failures.length === 0;
  const finalizers = (namespace.spec?.finalizers ?? []).filter((each) => !done || each !== CONTENT_FINALIZER);
  if (finalizers.length === 0 && (namespace.metadata.finalizers ?? []).length === 0) {
    node.store.delete(key);
    return;
  }
  const conditions = conditionsOf(namespace, left, rfc3339(node.clock.now()));
  const next = { ...namespace, spec: { finalizers }, status: { ...namespace.status, conditions } };
  if (!equalJson(next, namespace)) node.store.update(key.resource, next);
}

interface Left {
  /** How many objects of a resource are there still. */
  readonly objects: ReadonlyMap<Resource, number>;
  /** How many of them a finalizer holds. */
  readonly finalizers: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

const NOTHING: Left = { objects: new Map(), finalizers: new Map(), failures: [] };

/** Removes what can be removed now. Pods go before what they use. */
function empty(node: KubeServerOptions, namespace: string): Left {
  const pods = emptyOf(node, namespace, [PODS]);
  if (pods.objects.size > 0 || pods.failures.length > 0) return pods;
  return emptyOf(node, namespace, INSIDE);
}

function emptyOf(node: KubeServerOptions, namespace: string, resources: readonly Resource[]): Left {
  const objects = new Map<Resource, number>();
  const finalizers = new Map<string, number>();
  const failures: string[] = [];
  for (const resource of resources) {
    const name = resourceNameOf(resource);
    for (const object of node.store.list(name, namespace).items) {
      try {
        removeObject(node, resource, object, { propagationPolicy: "Background" });
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    const left = node.store.list(name, namespace).items;
    if (left.length > 0) objects.set(resource, left.length);
    for (const finalizer of left.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    }
  }
  return { objects, finalizers, failures };
}

function conditionsOf(namespace: Namespace, left: Left, now: string): readonly NamespaceCondition[] {
  const own = verdictsOf(left).map(({ type, ...verdict }) => {
    const before = namespace.status?.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { type, ...verdict, lastTransitionTime: lastTransitionTime ?? now };
  });
  const types = own.map(({ type }) => type);
  return [...(namespace.status?.conditions ?? []).filter(({ type }) => !types.includes(type)), ...own];
}

interface Verdict {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

function verdictsOf({ objects, finalizers, failures }: Left): Verdict[] {
  const verdict = (type: string, bad: string, badText: string, good: string, goodText: string): Verdict =>
    badText === ""
      ? { type, status: "False", reason: good, message: goodText }
      : { type, status: "True", reason: bad, message: badText };
  const counted = (counts: readonly string[], text: string): string =>
    counts.length === 0 ? "" : `${text}: ${counts.toSorted().join(", ")}`;
  const remaining = [...objects].map(
    ([{ plural, group }, count]) => `${plural}.${group} has ${count} resource instances`,
  );
  const holding = [...finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  const failed = counted(failures, `Failed to delete all resource types, ${failures.length} remaining`);
  return [
    verdict(
      "NamespaceDeletionDiscoveryFailure",
      "",
      "",
      "ResourcesDiscovered",
      "All resources successfully discovered",
    ),
    verdict(
      "NamespaceDeletionGroupVersionParsingFailure",
      "",
      "",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ),
    verdict(
      "NamespaceDeletionContentFailure",
      "ContentDeletionFailed",
      failed,
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ),
    verdict(
      "NamespaceContentRemaining",
      "SomeResourcesRemain",
      counted(remaining, "Some resources are remaining"),
      "ContentRemoved",
      "All content successfully removed",
    ),
    verdict(
      "NamespaceFinalizersRemaining",
      "SomeFinalizersRemain",
      counted(holding, "Some content in the namespace has finalizers remaining"),
      "ContentHasNoFinalizers",
      "All content-preserving finalizers finished",
    ),
  ];
}
