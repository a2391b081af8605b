/** kubectl's client-side apply: what the user last applied is remembered in an annotation, so that removals are seen. */
import { isMinkeError } from "../base/errors.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResourceClient, WriteOptions } from "./resource.ts";

export interface ApplyResult<T> {
  readonly action: "created" | "configured" | "unchanged";
  readonly object: T;
}

export interface ApplyOptions extends WriteOptions {
  /** Called when there is such an object already, before it is patched. */
  readonly onPatch?: () => void;
}

/** How often apply begins anew when somebody creates or deletes the object in between. */
const ATTEMPTS_MAX = 3;

/** Creates or patches `object`. Rejects as the server does. */
export async function applyObject<T extends KubeObject>(
  client: ResourceClient<T>,
  object: T,
  options: ApplyOptions,
): Promise<ApplyResult<T>> {
  // Lazily: it brings the schema of all objects.
  const { withLastApplied } = await import("../api/three-way.ts");
  const { status: _status, ...rest } = object as T & { readonly status?: unknown };
  const manifest = withLastApplied(rest) as unknown as T;
  const name = object.metadata.name ?? "";
  for (let attempt = 1; ; attempt++) {
    try {
      const current = await client.find(name, options.signal ? { signal: options.signal } : {});
      if (!current) return { action: "created", object: await client.create(manifest, options) };
      options.onPatch?.();
      return await patchObject(client, { current, manifest }, options);
    } catch (error) {
      const raced = isMinkeError(error, "AlreadyExists") || isMinkeError(error, "NotFound");
      if (!raced || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function patchObject<T extends KubeObject>(
  client: ResourceClient<T>,
  objects: { readonly current: T; readonly manifest: T },
  options: WriteOptions,
): Promise<ApplyResult<T>> {
  const { current, manifest } = objects;
  const { LAST_APPLIED, threeWayPatch } = await import("../api/three-way.ts");
  const text = current.metadata.annotations?.[LAST_APPLIED];
  const last = text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
  const patch = threeWayPatch(last, manifest, current, client.type.definition);
  if (Object.keys(patch).length === 0) return { action: "unchanged", object: current };
  const object = await client.patch(manifest.metadata.name ?? "", patch, { ...options, type: "strategic-merge" });
  const same = object.metadata.resourceVersion === current.metadata.resourceVersion;
  return { action: same ? "unchanged" : "configured", object };
}
