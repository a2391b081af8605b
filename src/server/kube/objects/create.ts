/** CREATE: decode → defaults → admission → validate → support → store. Nothing is started here. */
import { withDefaults } from "../../../api/defaults.ts";
import type { ManagedFieldsEntry } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { NAMESPACES, qualifiedKindOf, resourceNameOf } from "../../../api/resources.ts";
import { badRequest, forbiddenBecause, invalidObject, notFound } from "../../../api/status.ts";
import { validate } from "../../../api/validate.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { isMinkeError, MinkeError } from "../../../base/errors.ts";
import { nameSuffix, newUid } from "../../../base/ids.ts";
import { admitNew, checkNew } from "../admission/admission.ts";
import { requireValue } from "../body.ts";
import type { ResourceContext } from "../context.ts";
import { sendObject } from "../respond.ts";
import { decodeObject } from "./decode-object.ts";
import { withManagers } from "./managed-fields.ts";
import { strategyOf } from "./strategy.ts";
import { isDryRun, requireWriteOptions } from "./write-options.ts";

/** How often another random name is tried when a generated one is taken. */
const GENERATE_TRIES_MAX = 8;
/** Longest `generateName` that is used, in characters; the suffix has five. Kubernetes: apiserver names/generate.go. */
const GENERATE_PREFIX_MAX = 58;

export async function createObject(context: ResourceContext): Promise<void> {
  const value = await requireValue(context.request);
  requireWriteOptions(context, "Create");
  const given = decodeObject(context, value);
  context.record.sent = given.metadata;
  const dryRun = isDryRun(context);
  const { generateName, name } = given.metadata;
  const generated = !name && generateName ? generateName.slice(0, GENERATE_PREFIX_MAX) : undefined;
  for (let attempt = 1; ; attempt++) {
    const named = generated === undefined ? given : withName(given, generated + nameSuffix());
    try {
      return await sendObject(context, 201, storeNew(context, named, dryRun));
    } catch (error) {
      const again = generated !== undefined && attempt < GENERATE_TRIES_MAX && isMinkeError(error, "AlreadyExists");
      if (!again) throw error;
    }
  }
}

function withName(object: KubeObject, name: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, name } };
}

/** Stores what was given as a new object; `managedFields` are those of an apply. */
export function storeNew(
  context: ResourceContext,
  given: KubeObject,
  dryRun: boolean,
  managedFields?: readonly ManagedFieldsEntry[],
): KubeObject {
  const { node, resource } = context;
  const strategy = strategyOf(resource);
  const placed = withManagersOf(context, place(context, given), managedFields);
  requireNamespace(context, given);
  const object = strategy.prepareCreate(admitNew(resource, withDefaults(placed), node), node);
  const faults = validate(object);
  if (faults.length > 0) throw invalidObject(qualifiedKindOf(resource), object.metadata.name ?? "", faults);
  strategy.checkSupport(object, context);
  checkNew(resource, object, node);
  const name = resourceNameOf(resource);
  const key = { resource: name, namespace: object.metadata.namespace ?? "", name: object.metadata.name! };
  if (node.store.get(key)) {
    throw new MinkeError("AlreadyExists", `${name} "${key.name}" already exists`, { details: { ...key } });
  }
  return dryRun ? object : node.store.create(name, object, strategy.durability);
}

/** The writer owns what it says and what the API's defaults make of that, but not what the server adds. */
function withManagersOf(
  context: ResourceContext,
  placed: KubeObject,
  entries?: readonly ManagedFieldsEntry[],
): KubeObject {
  const { managedFields } = withManagers(context, undefined, withDefaults(placed), entries).metadata;
  const { managedFields: _, ...metadata } = placed.metadata;
  return { ...placed, metadata: { ...metadata, ...(managedFields ? { managedFields } : {}) } };
}

/** Gives the object its namespace and the fields that only the server may set. */
function place({ node, info, resource }: ResourceContext, given: KubeObject): KubeObject {
  const { namespace, ...metadata } = given.metadata;
  if (namespace && namespace !== info.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  const {
    resourceVersion,
    selfLink: _selfLink,
    deletionTimestamp: _at,
    deletionGracePeriodSeconds: _grace,
    ...rest
  } = metadata;
  if (resourceVersion) throw badRequest("resourceVersion should not be set on objects to be created");
  return {
    ...given,
    metadata: {
      ...rest,
      ...(resource.namespaced ? { namespace: info.namespace } : {}),
      uid: newUid(),
      creationTimestamp: rfc3339(node.clock.now()),
      ...(strategyOf(resource).generation ? { generation: 1 } : {}),
    },
  };
}

/** An object needs its namespace, and one that is being deleted takes no more. */
function requireNamespace({ node, info, resource }: ResourceContext, given: KubeObject): void {
  if (!resource.namespaced) return;
  const namespace = node.store.get({ resource: "namespaces", namespace: "", name: info.namespace });
  if (!namespace) throw notFound(NAMESPACES, info.namespace);
  if (!namespace.metadata.deletionTimestamp) return;
  throw forbiddenBecause(
    resource,
    given.metadata.name ?? "",
    `unable to create new content in namespace ${info.namespace} because it is being terminated`,
  );
}
