/** What is there from the first moment: the namespaces of the system and its priority classes. */
import { withDefaults } from "../../../api/defaults.ts";
import type { PriorityClass } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { resourceNameOf, resourceOfKind } from "../../../api/resources.ts";
import { SYSTEM_PRIORITIES } from "../../../api/validate-class.ts";
import type { KubeServerOptions } from "../context.ts";
import { newObject } from "./new-object.ts";

const NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** As a new cluster shows them. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  "system-cluster-critical":
    "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
};

export function ensureInitialObjects(node: KubeServerOptions): void {
  for (const name of NAMESPACES) ensure(node, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  for (const [name, value] of Object.entries(SYSTEM_PRIORITIES)) {
    const priorityClass: PriorityClass = {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name, generation: 1 },
      value,
      description: DESCRIPTIONS[name] ?? "",
    };
    ensure(node, priorityClass);
  }
}

function ensure(node: KubeServerOptions, object: KubeObject): void {
  const resource = resourceNameOf(resourceOfKind(object.apiVersion, object.kind)!);
  if (node.store.get({ resource, namespace: "", name: object.metadata.name! })) return;
  node.store.create(resource, withDefaults(newObject(node, object)));
}
