/**
 * DELETE. A Pod goes gracefully: it is marked, and the engine removes it when its containers have ended. Everything else
 * goes at once, unless finalizers hold it. Kubernetes: apiserver registry/rest/delete.go, pkg/registry/core/pod/strategy.go.
 */
import type { DeleteOptions, Pod } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { NAMESPACES, PODS, resourceNameOf } from "../../../api/resources.ts";
import type { Resource } from "../../../api/resources.ts";
import { badRequest, conflict, forbiddenBecause, success } from "../../../api/status.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { readValue } from "../body.ts";
import type { KubeServerOptions, ResourceContext } from "../context.ts";
import { sendJson, sendObject } from "../respond.ts";
import { storedObject } from "./get.ts";

/** Used when neither the request nor the Pod says. Kubernetes: core/v1 defaults. */
const GRACE_DEFAULT_S = 30;
const PROTECTED_NAMESPACES = new Set(["default", "kube-system"]);

export async function deleteObject(context: ResourceContext): Promise<void> {
  const options = await readDeleteOptions(context);
  const stored = storedObject(context);
  const { object, gone } = removeObject(context.node, context.resource, stored, options);
  if (!gone || context.resource === PODS) return sendObject(context, 200, object);
  const { name, uid } = object.metadata;
  const details = { ...(name ? { name } : {}), kind: context.resource.plural, ...(uid ? { uid } : {}) };
  sendJson(context, 200, success(details));
}

/** From the body, and from the query, which wins. */
export async function readDeleteOptions({ request, query }: ResourceContext): Promise<DeleteOptions> {
  const { value } = (await readValue(request)) ?? { value: {} };
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest("DeleteOptions expected");
  const body = value as DeleteOptions;
  const grace = query.get("gracePeriodSeconds") ?? body.gracePeriodSeconds;
  const seconds = grace === undefined || grace === null || grace === "" ? undefined : Number(grace);
  if (seconds !== undefined && !Number.isSafeInteger(seconds)) {
    throw badRequest(`gracePeriodSeconds: Invalid value: "${String(grace)}": must be an integer`);
  }
  const dryRun = query.has("dryRun") ? query.getAll("dryRun") : body.dryRun;
  return {
    ...(body.preconditions ? { preconditions: body.preconditions } : {}),
    ...(seconds === undefined ? {} : { gracePeriodSeconds: seconds }),
    ...(dryRun ? { dryRun } : {}),
  };
}

/** Marks or removes one object; `gone` tells which. */
export function removeObject(
  node: KubeServerOptions,
  resource: Resource,
  stored: KubeObject,
  options: DeleteOptions,
): { readonly object: KubeObject; readonly gone: boolean } {
  const { name = "", namespace = "", uid } = stored.metadata;
  requirePreconditions(resource, stored, options);
  const dryRun = (options.dryRun?.length ?? 0) > 0;
  const marked = markOf(node, resource, stored, options);
  if (marked) {
    if (marked === stored || dryRun) return { object: marked, gone: false };
    return { object: node.store.update(resourceNameOf(resource), marked), gone: false };
  }
  if (dryRun) return { object: stored, gone: true };
  const key = { resource: resourceNameOf(resource), namespace, name };
  return { object: node.store.delete(key, uid === undefined ? {} : { uid }), gone: true };
}

/** The object with its deletion marked, itself when nothing changes, or undefined when it goes at once. */
function markOf(
  node: KubeServerOptions,
  resource: Resource,
  stored: KubeObject,
  options: DeleteOptions,
): KubeObject | undefined {
  const graceSeconds = resource === PODS ? podGrace(stored as Pod, options.gracePeriodSeconds) : 0;
  const held = (stored.metadata.finalizers?.length ?? 0) > 0 || resource === NAMESPACES;
  if (resource === NAMESPACES && PROTECTED_NAMESPACES.has(stored.metadata.name ?? "")) {
    throw forbiddenBecause(resource, stored.metadata.name ?? "", "this namespace may not be deleted");
  }
  if (graceSeconds === 0 && !held) return undefined;
  const { deletionTimestamp, deletionGracePeriodSeconds: before, generation } = stored.metadata;
  // Once it is under way the grace only shrinks.
  if (deletionTimestamp && (before === undefined || graceSeconds >= before)) return stored;
  const metadata = {
    ...stored.metadata,
    deletionTimestamp: rfc3339(node.clock.now() + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  };
  const marked = { ...stored, metadata };
  return resource === NAMESPACES ? { ...marked, status: { phase: "Terminating" } } : marked;
}

/** Seconds that the Pod gets; 0 = it goes at once, which is right when nothing of it can be running. */
function podGrace(pod: Pod, requested: number | undefined): number {
  const { phase, startTime, containerStatuses } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed" || !pod.spec?.nodeName) return 0;
  // The engine has not looked at it yet; when it does, it finds it gone.
  if (startTime === undefined && containerStatuses === undefined) return 0;
  const under = pod.metadata.deletionTimestamp ? pod.metadata.deletionGracePeriodSeconds : undefined;
  const seconds = requested ?? under ?? pod.spec.terminationGracePeriodSeconds ?? GRACE_DEFAULT_S;
  return seconds < 0 ? 1 : seconds;
}

function requirePreconditions(resource: Resource, stored: KubeObject, { preconditions }: DeleteOptions): void {
  const { name = "", uid = "", resourceVersion = "" } = stored.metadata;
  if (preconditions?.uid && preconditions.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`;
    throw conflict(resource, name, why);
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(resource, name, why);
  }
}
