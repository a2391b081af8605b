/** Objects in the forms that clients ask for: as they are, as a Table (what `kubectl get` prints), or their metadata only. */
import type { ListMeta } from "../../api/gen/types.ts";
import type { KubeObject } from "../../api/object.ts";
import { apiVersionOf } from "../../api/resources.ts";
import { partialMetadata, tableOf } from "../../api/table.ts";
import type { IncludeObject, Table } from "../../api/table.ts";
import { badRequest } from "../../api/status.ts";
import { MinkeError } from "../../base/errors.ts";
import type { ResourceContext } from "./context.ts";
import type { OutputForm } from "./negotiate.ts";

/** Throws when objects, or lists, of the request's resource can not be turned into what is asked for. */
export function requireForm({ query, resource }: ResourceContext, { as }: OutputForm, list: boolean): void {
  if (list ? as === "PartialObjectMetadata" : as === "PartialObjectMetadataList") {
    const what = list ? `a list (${resource.kind}List)` : `not a list (${resource.kind})`;
    const message = `you requested ${as}, but the requested object is ${what}`;
    throw new MinkeError("InvalidArgument", message, { reason: "NotAcceptable" });
  }
  const include = query.get("includeObject") || "Metadata";
  if (as !== "Table" || INCLUDES.includes(include as IncludeObject)) return;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** One object in the form asked for. */
export function asForm(context: ResourceContext, object: KubeObject, form: OutputForm): object {
  requireForm(context, form, false);
  if (form.as === undefined) return object;
  if (form.as !== "Table") return partialMetadata(object, form.version);
  return renderTable(context, [object], { resourceVersion: object.metadata.resourceVersion ?? "" }, form.version);
}

/** A list in the form asked for. */
export function listAsForm(
  context: ResourceContext,
  { items, metadata }: { readonly items: readonly KubeObject[]; readonly metadata: ListMeta },
  form: OutputForm,
): object {
  requireForm(context, form, true);
  const { as, version } = form;
  const { kind } = context.resource;
  if (as === undefined) return { kind: `${kind}List`, apiVersion: apiVersionOf(context.resource), metadata, items };
  if (as === "Table") return renderTable(context, items, metadata, version);
  const partial = items.map((item) => partialMetadata(item, version));
  return { kind: as, apiVersion: `meta.k8s.io/${version}`, metadata, items: partial };
}

const INCLUDES: readonly IncludeObject[] = ["None", "Metadata", "Object"];

function renderTable(
  { resource, node, query }: ResourceContext,
  objects: readonly KubeObject[],
  metadata: ListMeta,
  version: OutputForm["version"],
): Table {
  const includeObject = INCLUDES.find((each) => each === query.get("includeObject")) ?? "Metadata";
  return tableOf(resource.kind, objects, { now: node.clock.now(), includeObject, metadata, version });
}
