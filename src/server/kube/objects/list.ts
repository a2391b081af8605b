/**
 * LIST: of now, of an exact version as far as the history reaches back, and in chunks that all show the same version.
 * Kubernetes: apiserver storage/etcd3/store.go.
 */
import type { ListMeta } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { resourceNameOf } from "../../../api/resources.ts";
import { selects } from "../../../api/selector.ts";
import type { Selector } from "../../../api/selector.ts";
import { badRequest } from "../../../api/status.ts";
import { isMinkeError, MinkeError } from "../../../base/errors.ts";
import type { ListResult } from "../../../store/store.ts";
import type { ResourceContext } from "../context.ts";
import { sendList } from "../respond.ts";
import { type ContinueToken, decodeContinue, encodeContinue } from "./continue-token.ts";
import { integerOf, requireListOptions, requireNotAhead, selectorOf } from "./list-options.ts";

const TOO_OLD = "The provided continue parameter is too old to display a consistent list result.";
const INCONSISTENT = [
  TOO_OLD,
  "You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.",
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
].join(" ");

export async function listObjects(context: ResourceContext): Promise<void> {
  requireListOptions(context);
  const { query } = context;
  const selector = selectorOf(context);
  const limit = Math.max(0, integerOf(query, "limit") ?? 0);
  const token = tokenOf(query);
  const found = token ? continued(context, selector, token) : selected(context, selector, exactVersion(context, limit));
  const items = limit > 0 && found.items.length > limit ? found.items.slice(0, limit) : found.items;
  await sendList(context, items, metaOf(found, items, selector));
}

/** The objects that the request's namespace and the selector leave, now or at `version`. */
export function selected(context: ResourceContext, selector: Selector, version?: string): ListResult {
  const { resource, info, node } = context;
  const { items, resourceVersion } = node.store.list(resourceNameOf(resource), info.namespace || undefined, version);
  const all = selector.labels.length === 0 && selector.fields.length === 0;
  return { items: all ? items : items.filter((object) => selects(selector, object)), resourceVersion };
}

/** The version that the list has to be of; undefined for the newest, which is also not older than any that is asked for. */
function exactVersion(context: ResourceContext, limit: number): string | undefined {
  const { query } = context;
  const wanted = query.get("resourceVersion") ?? "";
  if (wanted === "" || wanted === "0") return undefined;
  requireNotAhead(context, wanted);
  const match = query.get("resourceVersionMatch") ?? "";
  // A limit without a match has always meant that very version, so that chunks fit together.
  return match === "Exact" || (match === "" && limit > 0) ? wanted : undefined;
}

function tokenOf(query: URLSearchParams): ContinueToken | undefined {
  const text = query.get("continue") ?? "";
  if (text === "") return undefined;
  const version = query.get("resourceVersion") ?? "";
  if (version !== "" && version !== "0") {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  return decodeContinue(text);
}

function continued(context: ResourceContext, selector: Selector, token: ContinueToken): ListResult {
  const { version, after } = token;
  if (version !== undefined) requireNotAhead(context, version);
  try {
    const { items, resourceVersion } = selected(context, selector, version);
    return { items: items.slice(firstBehind(items, after)), resourceVersion };
  } catch (error) {
    if (!isMinkeError(error, "ResourceExhausted")) throw error;
    throw new MinkeError("ResourceExhausted", INCONSISTENT, {
      reason: "Expired",
      details: { continue: encodeContinue({ after }) },
    });
  }
}

/** The index of the first object that stands behind the last one of the chunk before, which may be gone. */
function firstBehind(items: readonly KubeObject[], after: ContinueToken["after"]): number {
  const last = `${after.namespace}\0${after.name}`;
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { namespace = "", name = "" } = items[middle]!.metadata;
    if (`${namespace}\0${name}` <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}

function metaOf(found: ListResult, items: readonly KubeObject[], selector: Selector): ListMeta {
  const { resourceVersion } = found;
  const left = found.items.length - items.length;
  if (left === 0) return { resourceVersion };
  const { namespace = "", name = "" } = items.at(-1)!.metadata;
  const next = encodeContinue({ version: resourceVersion, after: { namespace, name } });
  // As Kubernetes, which does not know how many a selector will leave.
  const counted = selector.labels.length === 0 && selector.fields.length === 0;
  return { resourceVersion, continue: next, ...(counted ? { remainingItemCount: left } : {}) };
}
