/** `metadata.managedFields` of what is written through the API. Kubernetes: apiserver endpoints/handlers/fieldmanager. */
import { equalJson } from "../../../api/equal.ts";
import { sameManagers } from "../../../api/apply/managers.ts";
import { trackUpdate, type Write, withoutManagers } from "../../../api/apply/track-update.ts";
import type { ManagedFieldsEntry } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { rfc3339 } from "../../../base/clock.ts";
import type { ResourceContext } from "../context.ts";
import { strategyOf } from "./strategy.ts";
import { managerOf } from "./write-options.ts";

/** Who writes with this request, and which fields it can write. */
export function writeOf(context: ResourceContext): Write {
  const { resource, info, node } = context;
  const { hasStatus } = strategyOf(resource);
  const ofStatus = info.subresource === "status";
  return {
    manager: managerOf(context),
    subresource: info.subresource,
    definition: resource.definition,
    scope: (field) => (ofStatus ? field === "status" : !hasStatus || field !== "status"),
    now: rfc3339(node.clock.now()),
  };
}

/**
 * The object with its managers after a write of `next` over `live`. `entries` are those that an apply has found; otherwise
 * the writer gets what it has changed. A write that changes nothing leaves no new time behind.
 */
export function withManagers(
  context: ResourceContext,
  live: KubeObject | undefined,
  next: KubeObject,
  entries: readonly ManagedFieldsEntry[] = trackUpdate(live, next, writeOf(context)),
): KubeObject {
  const before = live?.metadata.managedFields;
  const unchanged =
    live !== undefined && sameManagers(before, entries) && equalJson(withoutManagers(live), withoutManagers(next));
  const managedFields = unchanged ? before : entries;
  const { managedFields: _, ...metadata } = next.metadata;
  return {
    ...next,
    metadata: { ...metadata, ...(managedFields && managedFields.length > 0 ? { managedFields } : {}) },
  };
}
