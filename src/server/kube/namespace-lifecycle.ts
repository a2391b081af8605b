/**
 * What a namespace controller does in a cluster: the first namespaces exist, and one that is being deleted takes its
 * objects with it and goes when the last Pod has ended.
 */
import type { KubeObject } from "../../api/object.ts";
import { NAMESPACES, PODS, resourceNameOf, RESOURCES } from "../../api/resources.ts";
import { rfc3339 } from "../../base/clock.ts";
import { newUid } from "../../base/ids.ts";
import type { StoreEvent } from "../../store/store.ts";
import type { KubeServerOptions } from "./context.ts";
import { removeObject } from "./objects/delete.ts";

const INITIAL = ["default", "kube-system"];

export class NamespaceLifecycle implements Disposable {
  readonly #node: KubeServerOptions;
  readonly #watches: readonly Disposable[];

  constructor(node: KubeServerOptions) {
    this.#node = node;
    for (const name of INITIAL) this.#ensure(name);
    this.#watches = [
      node.store.watch(resourceNameOf(NAMESPACES), (event) => this.#onNamespace(event)),
      node.store.watch(resourceNameOf(PODS), (event) => {
        if (event.type === "DELETED") this.#settle(event.object.metadata.namespace ?? "");
      }),
    ];
    for (const namespace of node.store.list(resourceNameOf(NAMESPACES)).items) this.#terminate(namespace);
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  #ensure(name: string): void {
    const { store, clock } = this.#node;
    if (store.get({ resource: resourceNameOf(NAMESPACES), namespace: "", name })) return;
    store.create(resourceNameOf(NAMESPACES), {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name,
        uid: newUid(),
        creationTimestamp: rfc3339(clock.now()),
        labels: { "kubernetes.io/metadata.name": name },
      },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  }

  #onNamespace({ type, object }: StoreEvent): void {
    if (type !== "DELETED") this.#terminate(object);
  }

  #terminate(namespace: KubeObject): void {
    if (namespace.metadata.deletionTimestamp) this.#settle(namespace.metadata.name ?? "");
  }

  /** Removes what is left in a namespace that is being deleted, and itself when nothing is. */
  #settle(name: string): void {
    const { store } = this.#node;
    const key = { resource: resourceNameOf(NAMESPACES), namespace: "", name };
    if (!store.get(key)?.metadata.deletionTimestamp) return;
    for (const resource of RESOURCES) {
      if (!resource.namespaced) continue;
      for (const object of store.list(resourceNameOf(resource), name).items) {
        removeObject(this.#node, resource, object, {});
      }
    }
    const left = RESOURCES.some(
      (resource) => resource.namespaced && store.list(resourceNameOf(resource), name).items.length > 0,
    );
    // Removing a Pod above may have come back here and finished already.
    if (!left && store.get(key)) store.delete(key);
  }
}
