/**
 * Removes what belongs to objects that are gone. An object with owner references goes when the last of its owners has gone
 * (background); an owner that is deleted in the foreground waits for those that hold it; one that leaves orphans takes its
 * name out of them. Kubernetes: pkg/controller/garbagecollector.
 */
import { equalJson } from "../../../api/equal.ts";
import type { OwnerReference } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { EVENTS, type Resource, resourceNameOf, resourceOfKind, STORED_RESOURCES } from "../../../api/resources.ts";
import { FOREGROUND, ORPHAN } from "../../../api/validate-meta.ts";
import { WorkQueue } from "../../../base/work-queue.ts";
import type { StoreEvent } from "../../../store/store.ts";
import type { KubeServerOptions } from "../context.ts";
import { removeObject } from "../objects/delete.ts";
import { removeFinalizer } from "../objects/finalize.ts";

/** Events own nothing, and nothing owns them for longer than they live anyhow. */
const COLLECTED = STORED_RESOURCES.filter((resource) => resource !== EVENTS);

export function collectGarbage(node: KubeServerOptions): Disposable {
  return new GarbageCollector(node);
}

class GarbageCollector implements Disposable {
  readonly #node: KubeServerOptions;
  readonly #running = new DisposableStack();
  readonly #queue: WorkQueue;
  /** UID of an owner → keys of what refers to it. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #resources = new Map(COLLECTED.map((resource) => [resourceNameOf(resource), resource]));

  constructor(node: KubeServerOptions) {
    this.#node = node;
    const { store, clock, log } = node;
    this.#queue = this.#running.use(new WorkQueue({ name: "garbage", clock, log, work: (key) => this.#look(key) }));
    for (const name of this.#resources.keys()) {
      this.#running.use(store.watch(name, (event) => this.#changed(event)));
      for (const object of store.list(name).items) this.#changed({ type: "ADDED", resource: name, object });
    }
  }

  [Symbol.dispose](): void {
    this.#running.dispose();
  }

  #changed({ type, resource, object, previous }: Pick<StoreEvent, "type" | "resource" | "object" | "previous">): void {
    const key = keyOf(resource, object);
    const owners = type === "DELETED" ? [] : ownersOf(object);
    const before = previous ? ownersOf(previous) : [];
    for (const { uid } of before) if (!owners.some((owner) => owner.uid === uid)) this.#forget(uid, key);
    for (const { uid } of owners) this.#note(uid, key);
    const { uid = "", deletionTimestamp, finalizers = [] } = object.metadata;
    if (type === "DELETED") {
      for (const dependent of this.#dependents.get(uid) ?? []) this.#queue.add(dependent);
      // Owners that wait for it may go now.
      for (const owner of before) this.#wakeOwner(object, owner);
      return;
    }
    const waits = deletionTimestamp !== undefined && (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN));
    if (waits || !equalJson(owners, before)) this.#queue.add(key);
    for (const owner of before) if (!owners.some((each) => equalJson(each, owner))) this.#wakeOwner(object, owner);
  }

  #note(uid: string, key: string): void {
    const keys = this.#dependents.get(uid) ?? new Set();
    this.#dependents.set(uid, keys.add(key));
  }

  #forget(uid: string, key: string): void {
    const keys = this.#dependents.get(uid);
    keys?.delete(key);
    if (keys?.size === 0) this.#dependents.delete(uid);
  }

  #wakeOwner(dependent: KubeObject, reference: OwnerReference): void {
    const owner = this.#ownerOf(dependent, reference);
    if (typeof owner === "object") this.#queue.add(owner.key);
  }

  #look(key: string): void {
    const found = this.#find(key);
    if (!found) return;
    const { resource, object } = found;
    const { deletionTimestamp, finalizers = [], uid = "" } = object.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(ORPHAN)) return this.#orphan(resource, object, uid);
      if (!finalizers.includes(FOREGROUND)) return;
      this.#deleteDependents(resource, object, uid);
    }
    const current = this.#find(key);
    if (current && ownersOf(current.object).length > 0) this.#judge(current.resource, current.object);
  }

  /** Whether anybody still owns the object. */
  #judge(resource: Resource, object: KubeObject): void {
    const owners = ownersOf(object);
    const verdicts = owners.map((owner) => this.#ownerOf(object, owner));
    const stays = owners.filter((_, index) => isSolid(verdicts[index]!));
    if (stays.length > 0) {
      if (stays.length < owners.length) this.#setOwners(resource, object, stays);
      return;
    }
    const waiting = verdicts.some((verdict) => typeof verdict === "object");
    const held = (this.#dependents.get(object.metadata.uid ?? "")?.size ?? 0) > 0;
    const { finalizers = [] } = object.metadata;
    const policy =
      (waiting && held) || finalizers.includes(FOREGROUND)
        ? "Foreground"
        : finalizers.includes(ORPHAN)
          ? "Orphan"
          : "Background";
    const already = object.metadata.deletionTimestamp !== undefined;
    if (!already) removeObject(this.#node, resource, object, { propagationPolicy: policy });
  }

  /** What holds the owner goes first; then the owner. */
  #deleteDependents(resource: Resource, object: KubeObject, uid: string): void {
    const blocking = [...(this.#dependents.get(uid) ?? [])].filter((key) => {
      const dependent = this.#find(key);
      return dependent && ownersOf(dependent.object).some((owner) => owner.uid === uid && owner.blockOwnerDeletion);
    });
    if (blocking.length === 0) removeFinalizer(this.#node, resource, object, FOREGROUND);
    else for (const key of blocking) this.#queue.add(key);
  }

  #orphan(resource: Resource, object: KubeObject, uid: string): void {
    for (const key of this.#dependents.get(uid) ?? []) {
      const dependent = this.#find(key);
      if (!dependent) continue;
      const others = ownersOf(dependent.object).filter((owner) => owner.uid !== uid);
      this.#setOwners(dependent.resource, dependent.object, others);
    }
    removeFinalizer(this.#node, resource, object, ORPHAN);
  }

  #setOwners(resource: Resource, object: KubeObject, owners: readonly OwnerReference[]): void {
    const { ownerReferences: _before, ...metadata } = object.metadata;
    const next = { ...object, metadata: { ...metadata, ...(owners.length > 0 && { ownerReferences: owners }) } };
    this.#node.store.update(resourceNameOf(resource), next);
  }

  #find(key: string): { readonly resource: Resource; readonly object: KubeObject } | undefined {
    const [resource = "", namespace = "", name = ""] = key.split("\0");
    const object = this.#node.store.get({ resource, namespace, name });
    return object && { resource: this.#resources.get(resource)!, object };
  }

  /**
   * The owner that a reference names; `absent` when it is gone; `unknown` when nothing can be said of it: its kind is not
   * served here, or it would have to be in a namespace and the dependent is in none.
   */
  #ownerOf(dependent: KubeObject, reference: OwnerReference): Owner {
    const resource = resourceOfKind(reference.apiVersion, reference.kind);
    if (!resource) return "unknown";
    const namespace = resource.namespaced ? (dependent.metadata.namespace ?? "") : "";
    if (resource.namespaced && namespace === "") return "unknown";
    const name = resourceNameOf(resource);
    const object = this.#node.store.get({ resource: name, namespace, name: reference.name });
    if (!object || object.metadata.uid !== reference.uid) return "absent";
    return { key: keyOf(name, object), object };
  }
}

type Owner = "absent" | "unknown" | { readonly key: string; readonly object: KubeObject };

/** One that is there, and does not wait for its dependents to go. */
function isSolid(owner: Owner): boolean {
  if (typeof owner !== "object") return owner === "unknown";
  const { deletionTimestamp, finalizers = [] } = owner.object.metadata;
  return !(deletionTimestamp !== undefined && finalizers.includes(FOREGROUND));
}

function ownersOf({ metadata }: KubeObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? [];
}

function keyOf(resource: string, { metadata }: KubeObject): string {
  return `${resource}\0${metadata.namespace ?? ""}\0${metadata.name ?? ""}`;
}
