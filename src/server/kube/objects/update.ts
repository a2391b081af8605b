/** UPDATE (PUT), and the part of it that PATCH shares. */
import { withDefaults } from "../../../api/defaults.ts";
import { equalJson } from "../../../api/equal.ts";
import type { ManagedFieldsEntry } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { qualifiedKindOf, resourceNameOf } from "../../../api/resources.ts";
import { badRequest, conflict, invalidObject } from "../../../api/status.ts";
import { validateUpdate } from "../../../api/validate.ts";
import { admitUpdate, checkUpdate } from "../admission/admission.ts";
import { requireValue } from "../body.ts";
import type { ResourceContext } from "../context.ts";
import { sendObject } from "../respond.ts";
import { decodeObject } from "./decode-object.ts";
import { letGo } from "./finalize.ts";
import { storedObject } from "./get.ts";
import { withManagers } from "./managed-fields.ts";
import { strategyOf } from "./strategy.ts";
import { isDryRun, requireWriteOptions } from "./write-options.ts";

export async function updateObject(context: ResourceContext): Promise<void> {
  const value = await requireValue(context.request);
  requireWriteOptions(context, "Update");
  const given = decodeObject(context, value);
  context.record.sent = given.metadata;
  await sendObject(context, 200, replaceObject(context, storedObject(context), given));
}

/**
 * Replaces what may be replaced: everything but the status, or with a subresource only its part. Server-owned
 * metadata stays. Without a resource version the last writer wins. `managedFields` are those of an apply.
 */
export function replaceObject(
  context: ResourceContext,
  stored: KubeObject,
  given: KubeObject,
  managedFields?: readonly ManagedFieldsEntry[],
): KubeObject {
  const { node, resource, info } = context;
  requireSame(context, stored, given);
  const strategy = strategyOf(resource);
  const next = admitUpdate(resource, keepOwned(stored, withDefaults(given)), stored);
  const part = strategy.parts?.[info.subresource];
  const taken = part ? part.take(next, stored) : info.subresource === "status" && { status: next["status"] };
  const merged = taken
    ? { ...stored, metadata: { ...stored.metadata, ...versionOf(given) }, ...taken }
    : strategy.hasStatus
      ? withStatusOf(next, stored)
      : next;
  const generationOf = strategy.generation;
  const changed = generationOf !== undefined && !equalJson(merged[generationOf], stored[generationOf]);
  const counted = changed ? withGeneration(merged, (stored.metadata.generation ?? 0) + 1) : merged;
  const object = withManagers(context, stored, counted, managedFields);
  if (info.subresource !== "status") {
    const faults = validateUpdate(object, stored, info.subresource);
    if (faults.length > 0) throw invalidObject(qualifiedKindOf(resource), info.name, faults);
    strategy.checkSupport(object, context);
    checkUpdate(resource, object, node, info.subresource);
  }
  if (isDryRun(context)) return object;
  const written = node.store.update(resourceNameOf(resource), object, strategy.durability);
  return letGo(node, resource, written);
}

function requireSame({ resource, info }: ResourceContext, stored: KubeObject, given: KubeObject): void {
  const { name, namespace, uid } = given.metadata;
  if (!name) {
    throw badRequest(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`);
  }
  if (name !== info.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
  }
  if (namespace && namespace !== info.namespace) {
    throw badRequest(
      `the namespace of the object (${namespace}) does not match the namespace on the request (${info.namespace})`,
    );
  }
  if (uid && uid !== stored.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.metadata.uid ?? ""}`;
    throw conflict(resource, info.name, why);
  }
}

/** Metadata that no client can change, deletion included. */
function keepOwned(stored: KubeObject, given: KubeObject): KubeObject {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, name, namespace } =
    stored.metadata;
  const {
    deletionTimestamp: _at,
    deletionGracePeriodSeconds: _grace,
    generation: _generation,
    selfLink: _link,
    ...metadata
  } = given.metadata;
  const owned = { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, name, namespace };
  const set = Object.fromEntries(Object.entries(owned).filter(([, value]) => value !== undefined));
  return { ...given, metadata: { ...metadata, ...set } };
}

function versionOf(given: KubeObject): { readonly resourceVersion?: string } {
  const { resourceVersion } = given.metadata;
  return resourceVersion ? { resourceVersion } : {};
}

function withStatusOf(next: KubeObject, stored: KubeObject): KubeObject {
  const { status: _dropped, ...rest } = next;
  return (stored["status"] === undefined ? rest : { ...rest, status: stored["status"] }) as KubeObject;
}

function withGeneration(object: KubeObject, generation: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, generation } };
}
