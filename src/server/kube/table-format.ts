/** Tables: what `kubectl get` prints, made by the server. Kubernetes: apiserver endpoints/handlers/response.go. */
import type { KubeObject } from "../../api/object.ts";
import { tableOf } from "../../api/table.ts";
import type { Table } from "../../api/table.ts";
import type { ResourceContext } from "./context.ts";

/** True when the client prefers a Table (`Accept: application/json;as=Table;v=v1;g=meta.k8s.io`) to what stands behind it. */
export function isTable({ request }: ResourceContext): boolean {
  for (const offer of (request.headers.accept ?? "").split(",")) {
    const parts = offer.split(";").map((part) => part.trim());
    if (parts[0] !== "application/json" && parts[0] !== "*/*" && parts[0] !== "application/*") continue;
    if (!parts.includes("as=Table")) return false;
    if (parts.includes("g=meta.k8s.io") && (parts.includes("v=v1") || parts.includes("v=v1beta1"))) return true;
  }
  return false;
}

/** The objects as a Table; each row carries as much of its object as the client asks for (`includeObject`). */
export function renderTable(
  { resource, node, query }: ResourceContext,
  objects: readonly KubeObject[],
  resourceVersion?: string,
): Table {
  const asked = query.get("includeObject");
  const includeObject = asked === "None" || asked === "Object" ? asked : "Metadata";
  const only = objects.length === 1 ? objects[0]!.metadata.resourceVersion : undefined;
  const version = resourceVersion ?? only;
  return tableOf(resource.kind, objects, {
    now: node.clock.now(),
    includeObject,
    ...(version === undefined ? {} : { resourceVersion: version }),
  });
}
