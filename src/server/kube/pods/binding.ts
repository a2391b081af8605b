/**
 * POST pods/NAME/binding and bindings: a Pod's node. There is one, to which every Pod is bound as it is stored; so it is
 * what a scheduler hears that comes too late. Kubernetes: pkg/registry/core/pod/storage/storage.go, BindingREST.
 */
import { notSupported, required } from "../../../api/field-error.ts";
import type { Binding, Pod } from "../../../api/gen/types.ts";
import { BINDINGS, apiVersionOf, PODS } from "../../../api/resources.ts";
import { badRequest, conflict, invalidObject } from "../../../api/status.ts";
import type { MinkeError } from "../../../base/errors.ts";
import { requireValue } from "../body.ts";
import type { ResourceContext } from "../context.ts";
import { decodeDocument } from "../objects/decode-object.ts";
import { storedObject } from "../objects/get.ts";
import { requireWriteOptions } from "../objects/write-options.ts";

export async function bindPod(context: ResourceContext): Promise<void> {
  const body = await requireValue(context.request);
  requireWriteOptions(context, "Create");
  const binding = decodeDocument(context, body, {
    definition: BINDINGS.definition,
    kind: BINDINGS.kind,
    apiVersions: [apiVersionOf(BINDINGS)],
  }) as unknown as Binding;
  const { name = "", namespace, uid } = binding.metadata ?? {};
  // Of `bindings` the body alone says which Pod is meant.
  const info = { ...context.info, name: context.info.name || name };
  if (name !== info.name) throw badRequest("name in URL does not match name in Binding object");
  if (namespace && namespace !== info.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  requireTarget(binding);
  const pod = storedObject({ ...context, resource: PODS, info }) as Pod;
  const refuse = (why: string): MinkeError => conflict({ ...PODS, plural: "pods/binding" }, name, why);
  if (uid && uid !== pod.metadata.uid) {
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid ?? ""}`);
  }
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  throw refuse(`pod ${name} is already assigned to node "${pod.spec?.nodeName ?? ""}"`);
}

function requireTarget({ metadata, target }: Binding): void {
  const { kind = "", name = "" } = target ?? {};
  const faults = [
    ...(kind === "" || kind === "Node" ? [] : [notSupported("target.kind", kind, ["Node", "<empty>"])]),
    ...(name === "" ? [required("target.name")] : []),
  ];
  if (faults.length > 0) throw invalidObject("Binding", metadata.name ?? "", faults);
}
