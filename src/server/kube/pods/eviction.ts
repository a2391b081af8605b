/**
 * POST pods/NAME/eviction, what `kubectl drain` sends: a graceful deletion, which no disruption budget holds up here.
 * Kubernetes: pkg/registry/core/pod/storage/eviction.go.
 */
import type { DeleteOptions, Eviction, Pod, PodCondition } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf } from "../../../api/resources.ts";
import { badRequest, success } from "../../../api/status.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { requireValue } from "../body.ts";
import type { KubeServerOptions, ResourceContext } from "../context.ts";
import { decodeDocument } from "../objects/decode-object.ts";
import { deleteOptionsOf, removeObject, requirePreconditions } from "../objects/delete.ts";
import { storedObject } from "../objects/get.ts";
import { requireWriteOptions } from "../objects/write-options.ts";
import { sendJson } from "../respond.ts";

export async function evictPod(context: ResourceContext): Promise<void> {
  const { node, info, query } = context;
  const body = await requireValue(context.request);
  requireWriteOptions(context, "Create");
  const eviction = decodeDocument(context, body, {
    definition: "policy.v1.Eviction",
    kind: "Eviction",
    apiVersions: ["policy/v1", "policy/v1beta1"],
  }) as Partial<Eviction>;
  const { name = "", namespace } = eviction.metadata ?? {};
  if (name !== info.name) throw badRequest("name in URL does not match name in Eviction object");
  if (namespace && namespace !== info.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  const options = deleteOptionsOf(withDryRun(eviction.deleteOptions ?? {}, query.getAll("dryRun")));
  const pod = storedObject(context) as Pod;
  requirePreconditions(PODS, pod, options);
  const dryRun = (options.dryRun?.length ?? 0) > 0;
  // The version that the preconditions name is the one before the mark.
  const { preconditions: _met, ...rest } = options;
  removeObject(node, PODS, dryRun || isLeaving(pod) ? pod : markEvicted(node, pod), rest);
  const { kind, apiVersion, metadata, status } = success();
  await node.store.synced();
  sendJson(context, 201, { kind, apiVersion, metadata, status, code: 201 });
}

/** `dryRun` may stand in the query, in the delete options, or in both when they agree. */
function withDryRun(options: DeleteOptions, asked: readonly string[]): DeleteOptions {
  const own = options.dryRun ?? [];
  if (own.length === 0) return { ...options, dryRun: asked };
  if (asked.length === 0 || own.join() === asked.join()) return options;
  throw badRequest(`Non-matching dry-run options in request and content: [${asked.join(" ")}] and [${own.join(" ")}]`);
}

/** Nothing is disrupted when it never ran, has ended, or is on its way out already. */
function isLeaving({ metadata, status }: Pod): boolean {
  const phase = status?.phase ?? "Pending";
  return phase !== "Running" || metadata.deletionTimestamp !== undefined;
}

/** Says in the Pod's status why it goes. */
function markEvicted({ store, clock }: KubeServerOptions, pod: Pod): Pod {
  const condition: PodCondition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastTransitionTime: rfc3339(clock.now()),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
  const status = { ...pod.status, conditions: [...others, condition] };
  return store.update(resourceNameOf(PODS), { ...pod, status }, "async") as Pod;
}
