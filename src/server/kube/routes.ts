/** The route table: verb × resource × subresource → handler. Discovery derives from it. */
import { LEASES, NEW_EVENTS, type Resource } from "../../api/resources.ts";
import { methodNotAllowed } from "../../api/status.ts";
import { reviewAccess, reviewLocalAccess, reviewOwnAccess } from "./auth/reviews/access-review.ts";
import { reviewOwnRules } from "./auth/reviews/rules-review.ts";
import { reviewSelf } from "./auth/reviews/self-subject-review.ts";
import { requestToken } from "./auth/reviews/token-request.ts";
import { reviewToken } from "./auth/reviews/token-review.ts";
import type { Handler } from "./context.ts";
import { pathNotFound } from "./errors.ts";
import { withNewEvents } from "./new-events.ts";
import { outputFormOf, prepareForm } from "./negotiate.ts";
import { withNodeLease } from "./nodes/node-lease.ts";
import { proxyToNode } from "./nodes/node-proxy.ts";
import { createObject } from "./objects/create.ts";
import { deleteCollection } from "./objects/delete-collection.ts";
import { deleteObject } from "./objects/delete.ts";
import { getObject } from "./objects/get.ts";
import { listObjects } from "./objects/list.ts";
import { patchObject } from "./objects/patch.ts";
import { updateObject } from "./objects/update.ts";
import { watchObjects } from "./objects/watch.ts";
import { attachToPod } from "./pods/attach.ts";
import { bindPod } from "./pods/binding.ts";
import { evictPod } from "./pods/eviction.ts";
import { execInPod } from "./pods/exec.ts";
import { readPodLog } from "./pods/log.ts";
import { forwardPorts } from "./pods/port-forward.ts";
import { proxyToPod } from "./pods/proxy.ts";
import type { ResourceRequest, Verb } from "./request-info.ts";

/** A handler that answers with objects: a client that accepts none of their forms is told before anything is done. */
function answering(handler: Handler): Handler {
  return async (context) => {
    await prepareForm(outputFormOf(context, handler === watchObjects ? "stream" : "objects"));
    await handler(context);
  };
}

/** What can be done with any stored object, as far as the resource's row in api/resources.ts allows it. */
const OBJECT_VERBS: Readonly<Record<Verb, Handler>> = {
  get: answering(getObject),
  list: answering(listObjects),
  watch: answering(watchObjects),
  create: answering(createObject),
  update: answering(updateObject),
  patch: answering(patchObject),
  delete: answering(deleteObject),
  deletecollection: answering(deleteCollection),
};

/** What is asked or told and never stored, by kind. */
const UNSTORED: Readonly<Record<string, Handler>> = {
  Binding: bindPod,
  SelfSubjectReview: reviewSelf,
  TokenReview: reviewToken,
  LocalSubjectAccessReview: reviewLocalAccess,
  SelfSubjectAccessReview: reviewOwnAccess,
  SelfSubjectRulesReview: reviewOwnRules,
  SubjectAccessReview: reviewAccess,
};

export interface Subresource {
  /** Plural of its resource, which is one of the core group. */
  readonly resource: string;
  readonly name: string;
  /** The kind that its documents have, for discovery. */
  readonly kind: string;
  /** Of the kind, as `group/version`; absent: the resource's own. */
  readonly groupVersion?: string;
  readonly verbs: Readonly<Partial<Record<Verb, Handler>>>;
}

const { get, update, patch } = OBJECT_VERBS;
const PART_VERBS = { get, update, patch };

const SUBRESOURCES: readonly Subresource[] = [
  { resource: "pods", name: "status", kind: "Pod", verbs: PART_VERBS },
  { resource: "pods", name: "binding", kind: "Binding", verbs: { create: bindPod } },
  { resource: "pods", name: "ephemeralcontainers", kind: "Pod", verbs: PART_VERBS },
  { resource: "pods", name: "eviction", kind: "Eviction", groupVersion: "policy/v1", verbs: { create: evictPod } },
  { resource: "pods", name: "log", kind: "Pod", verbs: { get: readPodLog } },
  { resource: "pods", name: "exec", kind: "PodExecOptions", verbs: { get: execInPod, create: execInPod } },
  { resource: "pods", name: "attach", kind: "PodAttachOptions", verbs: { get: attachToPod, create: attachToPod } },
  {
    resource: "pods",
    name: "portforward",
    kind: "PodPortForwardOptions",
    verbs: { get: forwardPorts, create: forwardPorts },
  },
  { resource: "pods", name: "resize", kind: "Pod", verbs: PART_VERBS },
  {
    resource: "pods",
    name: "proxy",
    kind: "PodProxyOptions",
    verbs: { create: proxyToPod, delete: proxyToPod, get: proxyToPod, patch: proxyToPod, update: proxyToPod },
  },
  {
    resource: "serviceaccounts",
    name: "token",
    kind: "TokenRequest",
    groupVersion: "authentication.k8s.io/v1",
    verbs: { create: requestToken },
  },
  { resource: "namespaces", name: "status", kind: "Namespace", verbs: PART_VERBS },
  { resource: "nodes", name: "status", kind: "Node", verbs: PART_VERBS },
  {
    resource: "nodes",
    name: "proxy",
    kind: "NodeProxyOptions",
    verbs: { create: proxyToNode, delete: proxyToNode, get: proxyToNode, patch: proxyToNode, update: proxyToNode },
  },
  { resource: "persistentvolumes", name: "status", kind: "PersistentVolume", verbs: PART_VERBS },
  { resource: "persistentvolumeclaims", name: "status", kind: "PersistentVolumeClaim", verbs: PART_VERBS },
  { resource: "resourcequotas", name: "status", kind: "ResourceQuota", verbs: PART_VERBS },
];

/** The subresources of a resource. */
export function subresourcesOf({ plural, group }: Resource): readonly Subresource[] {
  return group === "" ? SUBRESOURCES.filter(({ resource }) => resource === plural) : [];
}

/** The handler of a request for a resource. Throws `NotFound` or `MethodNotAllowed`. */
export function resourceHandlerOf(resource: Resource, info: ResourceRequest): Handler {
  const handler = handlerOf(resource, info);
  if (resource === LEASES) return withNodeLease(handler);
  return resource === NEW_EVENTS ? withNewEvents(handler) : handler;
}

function handlerOf(resource: Resource, info: ResourceRequest): Handler {
  const { verb, name, subresource } = info;
  if (subresource !== "") {
    const row = subresourcesOf(resource).find((each) => each.name === subresource);
    if (!row) throw pathNotFound();
    const handler = row.verbs[verb];
    if (!handler) throw methodNotAllowed(resource, verb);
    return handler;
  }
  const onCollection = verb === "create" || verb === "deletecollection" || verb === "list";
  const misplaced = verb !== "watch" && onCollection !== (name === "");
  // A namespaced object has no place without its namespace; reading across all namespaces is fine.
  const homeless = resource.namespaced && info.namespace === "" && verb !== "list" && verb !== "watch";
  if (misplaced || homeless || !resource.verbs.includes(verb)) throw methodNotAllowed(resource, verb);
  return UNSTORED[resource.kind] ?? OBJECT_VERBS[verb];
}
