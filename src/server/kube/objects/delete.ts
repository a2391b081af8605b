/**
 * DELETE. A Pod goes gracefully: it is marked, and the engine removes it when its containers have ended. Everything else
 * goes at once, unless finalizers hold it: then it is marked, and goes with the last of them. Kubernetes: apiserver
 * registry/generic/registry/store.go, registry/rest/delete.go, pkg/registry/core/{pod/strategy,namespace/storage}.go.
 */
import type { DeleteOptions, Pod } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { NAMESPACES, PODS, resourceNameOf } from "../../../api/resources.ts";
import type { Resource } from "../../../api/resources.ts";
import { badRequest, conflict, forbiddenBecause, success } from "../../../api/status.ts";
import { FOREGROUND, ORPHAN } from "../../../api/validate-meta.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { readValue } from "../body.ts";
import type { KubeServerOptions, ResourceContext } from "../context.ts";
import { sendJson, sendObject } from "../respond.ts";
import { storedObject } from "./get.ts";

/** Used when neither the request nor the Pod says. Kubernetes: core/v1 defaults. */
const GRACE_DEFAULT_S = 30;
const PROTECTED_NAMESPACES = new Set(["default", "kube-system", "kube-public"]);
const POLICIES = ["Orphan", "Background", "Foreground"];
/** Kinds whose objects are answered with when they are gone; of the others only that they are. */
const RETURNED = new Set([
  "pods",
  "namespaces",
  "persistentvolumes",
  "persistentvolumeclaims",
  "podtemplates",
  "resourcequotas",
  "serviceaccounts",
  "storageclasses.storage.k8s.io",
]);

export async function deleteObject(context: ResourceContext): Promise<void> {
  const options = await readDeleteOptions(context);
  const stored = storedObject(context);
  const { object, gone } = removeObject(context.node, context.resource, stored, options);
  if (!gone || RETURNED.has(resourceNameOf(context.resource))) return await sendObject(context, 200, object);
  const { name, uid } = object.metadata;
  const { plural, group } = context.resource;
  const details = { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: plural, ...(uid ? { uid } : {}) };
  await context.node.store.synced();
  sendJson(context, 200, success(details));
}

/** From the body, and from the query, which wins. */
export async function readDeleteOptions({ request, query }: ResourceContext): Promise<DeleteOptions> {
  const { value } = (await readValue(request)) ?? { value: {} };
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest("DeleteOptions expected");
  return deleteOptionsOf(value as DeleteOptions, query);
}

/** The options that count, of what a client sends; it is checked here. */
export function deleteOptionsOf(body: DeleteOptions, query = new URLSearchParams()): DeleteOptions {
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
    ...propagationOf(query.get("propagationPolicy") ?? body.propagationPolicy, query.get("orphanDependents") ?? body),
  };
}

/** The policy, or what `orphanDependents` of old says of it. */
function propagationOf(policy: string | undefined, orphan: string | DeleteOptions): DeleteOptions {
  if (policy && !POLICIES.includes(policy)) {
    const supported = [...POLICIES.map((each) => `"${each}"`), "nil"].join(", ");
    throw badRequest(`propagationPolicy: Unsupported value: "${policy}": supported values: ${supported}`);
  }
  const orphans = typeof orphan === "string" ? orphan !== "false" && orphan !== "0" : orphan.orphanDependents;
  if (orphans !== undefined && policy) {
    throw badRequest("orphanDependents and deletionPropagation cannot be both set");
  }
  const given = policy || (orphans === undefined ? "" : orphans ? "Orphan" : "Background");
  return given === "" ? {} : { propagationPolicy: given };
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
  const marked = resource === NAMESPACES ? markNamespace(node, stored, options) : mark(node, resource, stored, options);
  if (marked) {
    if (marked === stored || dryRun) return { object: marked, gone: false };
    return { object: node.store.update(resourceNameOf(resource), marked), gone: false };
  }
  if (dryRun) return { object: stored, gone: true };
  const key = { resource: resourceNameOf(resource), namespace, name };
  return { object: node.store.delete(key, uid === undefined ? {} : { uid }), gone: true };
}

/** A namespace stays until its content is gone; the namespace controller lets it go. */
function markNamespace({ clock }: KubeServerOptions, stored: KubeObject, options: DeleteOptions): KubeObject {
  const name = stored.metadata.name ?? "";
  if (PROTECTED_NAMESPACES.has(name)) throw forbiddenBecause(NAMESPACES, name, "this namespace may not be deleted");
  if (stored.metadata.deletionTimestamp) return stored;
  return {
    ...stored,
    metadata: { ...withFinalizers(stored, options), deletionTimestamp: rfc3339(clock.now()) },
    status: { ...(stored["status"] as object | undefined), phase: "Terminating" },
  };
}

/** The object with its deletion marked, itself when nothing changes, or undefined when it goes at once. */
function mark(
  { clock }: KubeServerOptions,
  resource: Resource,
  stored: KubeObject,
  options: DeleteOptions,
): KubeObject | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds: before } = stored.metadata;
  const graceSeconds = resource === PODS ? podGrace(stored as Pod, options.gracePeriodSeconds) : 0;
  // Once it is under way the grace only shrinks, and who has dependents' fate in hand does not change it any more.
  if (deletionTimestamp && before && graceSeconds >= before) return stored;
  const metadata = withFinalizers(stored, options);
  if (graceSeconds === 0 && (metadata.finalizers?.length ?? 0) === 0) return undefined;
  const began = deletionTimestamp ? Date.parse(deletionTimestamp) - (before ?? 0) * 1000 : clock.now();
  const due = Math.max(began + graceSeconds * 1000, clock.now());
  const alreadyDue = deletionTimestamp !== undefined && Date.parse(deletionTimestamp) <= due;
  const marked = {
    ...metadata,
    deletionTimestamp: alreadyDue ? deletionTimestamp : rfc3339(due),
    deletionGracePeriodSeconds: graceSeconds,
  };
  const { generation } = stored.metadata;
  const counted = deletionTimestamp || generation === undefined ? marked : { ...marked, generation: generation + 1 };
  return { ...stored, metadata: counted };
}

/** The metadata with the finalizer by which the garbage collector does to dependents what the options ask for. */
function withFinalizers({ metadata }: KubeObject, { propagationPolicy }: DeleteOptions): KubeObject["metadata"] {
  if (propagationPolicy === undefined) return metadata;
  const others = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  const added = propagationPolicy === "Orphan" ? [ORPHAN] : propagationPolicy === "Foreground" ? [FOREGROUND] : [];
  const { finalizers: _before, ...rest } = metadata;
  const finalizers = [...others, ...added];
  return finalizers.length === 0 ? rest : { ...rest, finalizers };
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

/** Throws `Conflict` when the object is not the one that the options mean. */
export function requirePreconditions(resource: Resource, stored: KubeObject, { preconditions }: DeleteOptions): void {
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
