/** kubectl's client-side apply: what the user last applied is remembered in an annotation, so that removals are seen. */
import { isMinkeError } from "../base/errors.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceClient, WriteOptions } from "./resource.ts";

/** Kubernetes: api/core/v1/annotation_key_constants.go. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

export interface ApplyResult<T> {
  readonly action: "created" | "configured" | "unchanged";
  readonly object: T;
}

/** How often apply begins anew when somebody creates or deletes the object in between. */
const ATTEMPTS_MAX = 3;

/** Creates or patches `object`. Rejects as the server does. */
export async function applyObject<T extends KubeObject>(
  client: ResourceClient<T>,
  object: T,
  options: WriteOptions,
): Promise<ApplyResult<T>> {
  const modified = annotated(object);
  const name = object.metadata.name ?? "";
  for (let attempt = 1; ; attempt++) {
    try {
      const current = await client.find(name, options.signal ? { signal: options.signal } : {});
      if (!current) return { action: "created", object: await client.create(modified, options) };
      return await patchObject(client, { current, modified }, options);
    } catch (error) {
      const raced = isMinkeError(error, "AlreadyExists") || isMinkeError(error, "NotFound");
      if (!raced || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function patchObject<T extends KubeObject>(
  client: ResourceClient<T>,
  objects: { readonly current: T; readonly modified: T },
  options: WriteOptions,
): Promise<ApplyResult<T>> {
  const { current, modified } = objects;
  const { threeWayMergePatch } = await import("../api/three-way.ts");
  const text = current.metadata.annotations?.[LAST_APPLIED];
  const original = text === undefined ? {} : (JSON.parse(text) as Record<string, unknown>);
  const patch = threeWayMergePatch(client.type.kind, { original, modified, current });
  if (Object.keys(patch).length === 0) return { action: "unchanged", object: current };
  const object = await client.patch(modified.metadata.name ?? "", patch, { ...options, type: "strategic-merge" });
  const same = object.metadata.resourceVersion === current.metadata.resourceVersion;
  return { action: same ? "unchanged" : "configured", object };
}

/** `object` with itself, less that very annotation, in its annotation. */
function annotated<T extends KubeObject>(object: T): T {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const { status: _status, ...rest } = object as T & { status?: unknown };
  const plain = { ...rest, metadata: { ...object.metadata, annotations } };
  const text = `${JSON.stringify(plain)}\n`;
  return { ...plain, metadata: { ...object.metadata, annotations: { ...annotations, [LAST_APPLIED]: text } } } as unknown as T;
}
