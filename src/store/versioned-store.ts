/** The store's logic over a {@link Journal}: all objects are held in memory, parsed and frozen, so reading costs nothing. */
import { equalJson } from "../api/equal.ts";
import { frozenJson } from "../api/freeze.ts";
import type { KubeObject } from "../api/object.ts";
import { assert } from "../base/assert.ts";
import { MinkeError } from "../base/errors.ts";
import type { Journal } from "./journal.ts";
import type { Durability, ListResult, ObjectKey, ResourceName, Store, StoreEvent, StoreEventType } from "./store.ts";
import { JoinedSyncs } from "./joined-syncs.ts";
import { SharedFields } from "./shared-fields.ts";
import { Watchers } from "./watchers.ts";

interface Collection {
  readonly objects: Map<string, KubeObject>;
  /** The keys of `objects` in order; undefined after one was added or removed. */
  order: readonly string[] | undefined;
}

export class VersionedStore implements Store {
  readonly #journal: Journal;
  readonly #collections = new Map<ResourceName, Collection>();
  readonly #watchers = new Watchers();
  readonly #fields = new SharedFields();
  readonly #syncs: JoinedSyncs;
  #version: number;
  /** Of the newest `sync` write that is not known to be on the disk; 0 when all are. */
  #unsynced = 0;
  #durable: number;

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#version = journal.version;
    this.#durable = journal.version;
    this.#syncs = new JoinedSyncs(
      () => this.#sync(),
      () => this.#version,
    );
    for (const { resource, object } of journal.load()) {
      this.#collection(resource).objects.set(keyOf(object), frozenJson(this.#fields.share(object)));
    }
  }

  create(resource: ResourceName, object: KubeObject, durability: Durability = "sync"): KubeObject {
    assert(object.metadata.name, "an object that is stored has a name");
    if (this.#collection(resource).objects.has(keyOf(object))) {
      throw new MinkeError(
        "AlreadyExists",
        `${resource} "${object.metadata.name}" already exists`,
        about(resource, object),
      );
    }
    return this.#write("ADDED", resource, object, undefined, durability);
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#collections.get(key.resource)?.objects.get(`${key.namespace}\0${key.name}`);
  }

  list(resource: ResourceName, namespace?: string, version?: string): ListResult {
    if (version !== undefined && version !== this.version()) return this.#listAt(resource, namespace, version);
    const collection = this.#collection(resource);
    collection.order ??= [...collection.objects.keys()].sort();
    const inside = namespace === undefined ? collection.order : keysOf(collection.order, namespace);
    return { items: inside.map((key) => collection.objects.get(key)!), resourceVersion: this.version() };
  }

  update(resource: ResourceName, object: KubeObject, durability: Durability = "sync"): KubeObject {
    const name = object.metadata.name ?? "";
    const stored = this.#collection(resource).objects.get(keyOf(object));
    if (!stored) throw notFound(resource, name, about(resource, object));
    const { resourceVersion, uid } = object.metadata;
    if (uid !== undefined) requireUid(resource, stored, uid);
    if (resourceVersion && resourceVersion !== stored.metadata.resourceVersion) {
      throw new MinkeError(
        "Conflict",
        `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
        about(resource, object),
      );
    }
    if (equalJson(withVersion(object, stored.metadata.resourceVersion), stored)) return stored;
    return this.#write("MODIFIED", resource, object, stored, durability);
  }

  delete(key: ObjectKey, options: { readonly uid?: string } = {}): KubeObject {
    const stored = this.get(key);
    if (!stored) throw notFound(key.resource, key.name, { details: { ...key } });
    if (options.uid !== undefined) requireUid(key.resource, stored, options.uid);
    return this.#write("DELETED", key.resource, stored, stored, "sync");
  }

  backup(file: string): Promise<void> {
    return this.#journal.backup(file);
  }

  version(): string {
    return String(this.#version);
  }

  durableVersion(): string {
    return String(this.#unsynced === 0 ? this.#version : this.#durable);
  }

  async synced(): Promise<void> {
    if (this.#unsynced !== 0) await this.#syncs.join(this.#unsynced);
  }

  async #sync(): Promise<void> {
    const version = this.#version;
    await this.#journal.sync();
    if (this.#unsynced <= version) this.#unsynced = 0;
    this.#durable = this.#unsynced === 0 ? this.#version : version;
  }

  watch(resource: ResourceName, listener: (event: StoreEvent) => void, since?: string): Disposable {
    const start = since === undefined ? this.#version : parseVersion(since);
    if (start < this.#journal.compacted || start > this.#version) {
      const oldest = this.#journal.compacted + 1;
      throw new MinkeError("ResourceExhausted", `too old resource version: ${start} (${oldest})`, {
        reason: "Expired",
      });
    }
    const past = start === this.#version ? [] : this.#journal.after(resource, start);
    return this.#watchers.add(resource, listener, start, past);
  }

  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
  }

  /** What is there now, with every change since `version` undone. */
  #listAt(resource: ResourceName, namespace: string | undefined, version: string): ListResult {
    const start = parseVersion(version);
    if (start < this.#journal.compacted || start > this.#version) {
      throw new MinkeError("ResourceExhausted", "The resourceVersion for the provided list is too old.", {
        reason: "Expired",
      });
    }
    const objects = new Map(this.#collection(resource).objects);
    for (const { object, previous } of [...this.#journal.after(resource, start)].toReversed()) {
      if (previous) objects.set(keyOf(object), previous);
      else objects.delete(keyOf(object));
    }
    const order = [...objects.keys()].sort();
    const inside = namespace === undefined ? order : keysOf(order, namespace);
    return { items: inside.map((key) => objects.get(key)!), resourceVersion: version };
  }

  #collection(resource: ResourceName): Collection {
    let collection = this.#collections.get(resource);
    if (!collection) this.#collections.set(resource, (collection = { objects: new Map(), order: undefined }));
    return collection;
  }

  #write(
    type: StoreEventType,
    resource: ResourceName,
    input: KubeObject,
    previous: KubeObject | undefined,
    durability: Durability,
  ): KubeObject {
    const version = this.#version + 1;
    const object = frozenJson(this.#fields.share(withVersion(input, String(version))));
    const { name = "", namespace = "" } = object.metadata;
    const event: StoreEvent = {
      type,
      resource,
      object,
      ...(previous && { previous }),
      resourceVersion: String(version),
    };
    this.#journal.commit({ resource, namespace, name }, event, version);
    // Nothing below can fail: memory and journal agree again before anyone looks.
    if (durability === "sync") this.#unsynced = version;
    else if (this.#unsynced === 0) this.#durable = version;
    this.#version = version;
    const collection = this.#collection(resource);
    if (type === "DELETED") collection.objects.delete(keyOf(object));
    else collection.objects.set(keyOf(object), object);
    if (type !== "MODIFIED") collection.order = undefined;
    this.#watchers.notify(event);
    return object;
  }
}

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}\0${object.metadata.name}`;
}

/** The part of the ordered keys that lies in one namespace. */
function keysOf(order: readonly string[], namespace: string): readonly string[] {
  const prefix = `${namespace}\0`;
  return order.filter((key) => key.startsWith(prefix));
}

function withVersion(object: KubeObject, resourceVersion: string | undefined): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) } };
}

function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new MinkeError("InvalidArgument", `Invalid value: "${text}": resource version must be a decimal number`);
  }
  return Number(text);
}

function about(resource: ResourceName, object: KubeObject): { readonly details: Readonly<Record<string, unknown>> } {
  return { details: { resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name } };
}

function notFound(resource: ResourceName, name: string, options: ReturnType<typeof about>): MinkeError {
  return new MinkeError("NotFound", `${resource} "${name}" not found`, options);
}

function requireUid(resource: ResourceName, stored: KubeObject, uid: string): void {
  if (stored.metadata.uid === uid) return;
  const { name } = stored.metadata;
  throw new MinkeError(
    "Conflict",
    `Operation cannot be fulfilled on ${resource} "${name}": Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.metadata.uid ?? ""}`,
    about(resource, stored),
  );
}
