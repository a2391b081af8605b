import { apiVersionOf, resourceNameOf } from "../../../api/resources.ts";
import { parseSelector, selects } from "../../../api/selector.ts";
import type { Selector } from "../../../api/selector.ts";
import { badRequest } from "../../../api/status.ts";
import { MinkeError } from "../../../base/errors.ts";
import type { ListResult } from "../../../store/store.ts";
import type { ResourceContext } from "../context.ts";
import { sendList } from "../respond.ts";

/** GET of a collection. `limit` is not needed and has no effect, which Kubernetes allows. */
export function listObjects(context: ResourceContext): void {
  requireVersion(context);
  sendList(context, context.resource.kind, apiVersionOf(context.resource), selected(context));
}

/** The objects that the request's namespace and selectors leave. */
export function selected(context: ResourceContext): ListResult {
  const { resource, info, node } = context;
  const selector = selectorOf(context);
  const { items, resourceVersion } = node.store.list(resourceNameOf(resource), info.namespace || undefined);
  return { items: items.filter((object) => selects(selector, object)), resourceVersion };
}

/** From the query; a name in the path (`…/watch/pods/x`) selects as a field would. */
export function selectorOf({ query, resource, info }: ResourceContext): Selector {
  const fields = [query.get("fieldSelector") ?? "", info.name === "" ? "" : `metadata.name=${info.name}`];
  const fieldSelector = fields.filter((text) => text !== "").join(",");
  return parseSelector(resource.kind, query.get("labelSelector") ?? "", fieldSelector, resource.group);
}

/** A list is always of now: an exact past is gone, a future has not come. Kubernetes: apiserver storage/etcd3/store.go. */
function requireVersion({ query, node }: ResourceContext): void {
  const wanted = query.get("resourceVersion") ?? "";
  if (wanted === "" || wanted === "0") return;
  if (!/^\d+$/.test(wanted)) throw badRequest(`Invalid value: "${wanted}": resource version must be a decimal number`);
  const current = node.store.version();
  if (BigInt(wanted) > BigInt(current)) {
    throw new MinkeError("DeadlineExceeded", `Too large resource version: ${wanted}, current: ${current}`, {
      details: {
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      },
    });
  }
  if (query.get("resourceVersionMatch") === "Exact" && wanted !== current) {
    throw new MinkeError("ResourceExhausted", `The provided resource version is too old: ${wanted}`, {
      reason: "Expired",
    });
  }
}
