/** The verbs of one kind of Kubernetes object. */
import { isMinkeError } from "../base/errors.ts";
import type { KubeObject } from "../api/object.ts";
import { applyObject, type ApplyOptions, type ApplyResult } from "./apply.ts";
import type { Http } from "./http.ts";
import { pathOf, withQuery } from "./query.ts";
import type { Resource } from "../api/resources.ts";
import { waitForObject, type WaitOptions } from "./wait.ts";
import { type ObjectList, watchCollection, type WatchEvent, type WatchOptions } from "./watch.ts";

export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly signal?: AbortSignal;
}

export interface WriteOptions {
  /** What the server does with unknown or duplicate fields: refuse (default), warn, or drop them. */
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore";
  /** Checks everything and stores nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  /** Seconds between TERM and KILL; default: what the Pod says (30). 0 removes it at once. */
  readonly gracePeriodSeconds?: number;
  /** Deletes only the object with this UID. */
  readonly uid?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** `application/merge-patch+json` and its sisters. */
export type PatchType = "merge" | "strategic-merge" | "json";

/** A `meta.k8s.io/v1 Table`: what the server prints of a list. */
export interface Table {
  readonly kind: "Table";
  readonly metadata?: { readonly resourceVersion?: string };
  /** Null in a watch, behind the first table. */
  readonly columnDefinitions: readonly TableColumn[] | null;
  readonly rows: readonly TableRow[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  /** Above 0: only in the wide form. */
  readonly priority?: number;
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: KubeObject;
}

/** Asks for a Table, and takes plain JSON where there is none. */
export const TABLE_TYPE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/** Objects of one type in one namespace, or (namespace undefined, for reading) in all. */
export interface ResourceClient<T extends KubeObject> {
  readonly type: Resource;
  /** Rejects with `NotFound`. */
  get(name: string, options?: { readonly signal?: AbortSignal }): Promise<T>;
  /** As {@link get}, but undefined when there is none. */
  find(name: string, options?: { readonly signal?: AbortSignal }): Promise<T | undefined>;
  list(options?: ListOptions): Promise<ObjectList<T>>;
  /** The server's table of a list, or of one object. `includeObject` says how much of each object comes along. */
  table(
    options?: ListOptions & { readonly name?: string; readonly includeObject?: "Metadata" | "Object" },
  ): Promise<Table>;
  create(object: T, options?: WriteOptions): Promise<T>;
  /** Creates it, or patches what is there with what changed since the last apply (kubectl's client-side apply). */
  apply(object: T, options?: ApplyOptions): Promise<ApplyResult<T>>;
  /** Replaces it. With `metadata.resourceVersion` it rejects with `Conflict` when someone else wrote in between. */
  update(object: T, options?: WriteOptions): Promise<T>;
  patch(name: string, patch: unknown, options?: WriteOptions & { readonly type?: PatchType }): Promise<T>;
  /** Asks for the deletion; resolves when it was accepted. Use {@link wait} to see it gone. Rejects with `NotFound`. */
  delete(name: string, options?: DeleteOptions): Promise<unknown>;
  watch(options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Resolves when `condition` is true of the object; it gets undefined while there is none. Misses no state that lasts. */
  wait(name: string, condition: (object: T | undefined) => boolean, options?: WaitOptions): Promise<T | undefined>;
}

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  "strategic-merge": "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
};

/** The verbs of `type` in `namespace`. */
export function resourceClient<T extends KubeObject>(
  http: Http,
  type: Resource,
  namespace?: string,
): ResourceClient<T> {
  const collection = collectionPath(type, namespace);
  const pathTo = (name: string): string => collection + pathOf(name);
  const client: ResourceClient<T> = {
    type,
    get: (name, options = {}) => http.json<T>("GET", pathTo(name), options),
    find: (name, options = {}) =>
      http.json<T>("GET", pathTo(name), options).catch((error: unknown) => {
        if (isMinkeError(error, "NotFound")) return undefined;
        throw error;
      }),
    async list({ signal, ...query } = {}) {
      const list = await http.json<ObjectList<T>>("GET", withQuery(collection, query), signal ? { signal } : {});
      return { ...list, items: list.items.map((item) => withType(item, type)) };
    },
    table({ signal, name, ...query } = {}) {
      const path = withQuery(name === undefined ? collection : pathTo(name), { ...query });
      return http.json<Table>("GET", path, { accept: TABLE_TYPE, ...(signal ? { signal } : {}) });
    },
    create: (object, options = {}) =>
      http.json<T>("POST", withQuery(collection, writeQuery(options)), { body: object, ...signalOf(options) }),
    apply: (object, options = {}) => applyObject(client, object, options),
    update: (object, options = {}) =>
      http.json<T>("PUT", withQuery(pathTo(nameOf(object)), writeQuery(options)), {
        body: object,
        ...signalOf(options),
      }),
    patch: (name, patch, options = {}) =>
      http.json<T>("PATCH", withQuery(pathTo(name), writeQuery(options)), {
        body: patch,
        contentType: PATCH_TYPES[options.type ?? "merge"],
        ...signalOf(options),
      }),
    delete: (name, options = {}) =>
      http.json("DELETE", pathTo(name), { body: deleteBody(options), ...signalOf(options) }),
    watch: (options = {}) => watchCollection<T>(http, collection, options),
    wait: (name, condition, options = {}) => waitForObject<T>(http, { path: collection, name }, condition, options),
  };
  return client;
}

/** The path of a collection; of all namespaces when a namespaced type gets none. */
export function collectionPath(type: Resource, namespace?: string): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace !== undefined ? pathOf("namespaces", namespace) : "";
  return `${root}${scope}/${type.plural}`;
}

function writeQuery(options: WriteOptions): Record<string, string | undefined> {
  return {
    fieldValidation: options.fieldValidation ?? "Strict",
    fieldManager: "minke",
    dryRun: options.dryRun === true ? "All" : undefined,
  };
}

function deleteBody(options: DeleteOptions): unknown {
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    propagationPolicy: "Background",
    ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    ...(options.dryRun === true ? { dryRun: ["All"] } : {}),
  };
}

/** Items of a Kubernetes list carry no kind of their own. */
function withType<T extends KubeObject>(item: T, type: Resource): T {
  const apiVersion = type.group === "" ? type.version : `${type.group}/${type.version}`;
  return { ...item, apiVersion, kind: type.kind };
}

function nameOf(object: KubeObject): string {
  return object.metadata.name ?? "";
}

function signalOf(options: { readonly signal?: AbortSignal }): { readonly signal?: AbortSignal } {
  return options.signal ? { signal: options.signal } : {};
}
