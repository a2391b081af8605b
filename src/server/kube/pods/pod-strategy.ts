/** What happens to a Pod when it is written. Kubernetes: pkg/registry/core/pod/strategy.go. */
import { invalid } from "../../../api/field-error.ts";
import type { FieldError } from "../../../api/field-error.ts";
import type { Container, Pod } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { qosClassOf } from "../../../api/qos.ts";
import { invalidObject } from "../../../api/status.ts";
import { unsupportedFields } from "../../../api/support.ts";
import type { KubeServerOptions, ResourceContext } from "../context.ts";
import type { Part, Strategy } from "../objects/strategy.ts";

const PARTS: Readonly<Record<string, Part>> = {
  ephemeralcontainers: { path: "spec.ephemeralContainers", take: takeEphemeral },
  resize: { path: "spec.containers", take: takeResources },
};

export const podStrategy: Strategy = {
  generation: "spec",
  hasStatus: true,
  durability: "sync",
  prepareCreate,
  checkSupport,
  parts: PARTS,
};

function takeEphemeral(next: KubeObject, stored: KubeObject): Partial<KubeObject> {
  const { ephemeralContainers: _before, ...spec } = (stored as Pod).spec!;
  const added = (next as Pod).spec?.ephemeralContainers;
  return { spec: { ...spec, ...(added && { ephemeralContainers: added }) } };
}

/** Resources and resize policies of the containers that are there. */
function takeResources(next: KubeObject, stored: KubeObject): Partial<KubeObject> {
  const [{ spec: given }, { spec }] = [next as Pod, stored as Pod];
  const all = [...(given?.containers ?? []), ...(given?.initContainers ?? [])];
  const taken = (container: Container): Container => {
    const found = all.find(({ name }) => name === container.name);
    if (!found) return container;
    const { resources: _resources, resizePolicy: _policy, ...rest } = container;
    const { resources, resizePolicy } = found;
    return { ...rest, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) };
  };
  return {
    spec: {
      ...spec!,
      containers: spec!.containers.map(taken),
      ...(spec!.initContainers && { initContainers: spec!.initContainers.map(taken) }),
    },
  };
}

/** There is one node, so a Pod is bound as it is stored, and one write is enough. */
function prepareCreate(object: KubeObject, node: KubeServerOptions): KubeObject {
  const pod = object as Pod;
  if (!pod.spec) return pod;
  const { creationTimestamp } = pod.metadata;
  const scheduled = {
    type: "PodScheduled",
    status: "True",
    observedGeneration: 1,
    ...(creationTimestamp ? { lastTransitionTime: creationTimestamp } : {}),
  };
  return {
    ...pod,
    spec: { ...pod.spec, nodeName: pod.spec.nodeName || node.nodeName },
    status: { phase: "Pending", qosClass: qosClassOf(pod.spec), conditions: [scheduled] },
  };
}

function checkSupport(object: KubeObject, { node, warnings, info }: ResourceContext): void {
  const pod = object as Pod;
  const refused: FieldError[] = [];
  const within = PARTS[info.subresource]?.path ?? "";
  for (const { path, effect, message } of unsupportedFields(pod)) {
    if (!path.startsWith(within)) continue;
    if (effect === "warn") warnings.push(`${path}: ${message}`);
    else refused.push({ type: "FieldValueNotSupported", field: path, body: message });
  }
  const { nodeName } = pod.spec ?? {};
  if (nodeName && nodeName !== node.nodeName) {
    refused.push(invalid("spec.nodeName", nodeName, `must be empty or "${node.nodeName}", the only node`));
  }
  if (refused.length > 0) throw invalidObject("Pod", pod.metadata.name ?? "", refused);
}
