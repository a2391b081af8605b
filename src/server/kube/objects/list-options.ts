/**
 * What a list or a watch is asked for, from its query. Kubernetes: apimachinery
 * apis/meta/internalversion/validation, and "Resource versions" of its API concepts.
 */
import { type FieldError, forbidden, notSupported } from "../../../api/field-error.ts";
import { parseSelector, type Selector } from "../../../api/selector.ts";
import { badRequest, invalidObject } from "../../../api/status.ts";
import { MinkeError } from "../../../base/errors.ts";
import type { ResourceContext } from "../context.ts";

const NOT_OLDER_THAN = "NotOlderThan";

/** Throws `Invalid` (422) for options that exclude each other, and a bad request for what is no number. */
export function requireListOptions(context: ResourceContext): void {
  const { query, info } = context;
  for (const name of ["limit", "timeoutSeconds"]) integerOf(query, name);
  requireVersion(query.get("resourceVersion") ?? "");
  const faults = [...(info.verb === "watch" ? watchFaults(query) : listFaults(query))];
  if (faults.length > 0) throw invalidObject("ListOptions.meta.k8s.io", "", faults);
}

function* listFaults(query: URLSearchParams): Generator<FieldError> {
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  const field = "resourceVersionMatch";
  if (match !== "") {
    if (version === "") yield forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (query.get("continue")) yield forbidden(field, "resourceVersionMatch is forbidden when continue is provided");
    if (match !== "Exact" && match !== NOT_OLDER_THAN) yield notSupported(field, match, ["Exact", NOT_OLDER_THAN, ""]);
    if (match === "Exact" && version === "0") {
      yield forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (query.has("sendInitialEvents")) yield forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
}

function* watchFaults(query: URLSearchParams): Generator<FieldError> {
  const match = query.get("resourceVersionMatch") ?? "";
  const field = "resourceVersionMatch";
  const initial = query.has("sendInitialEvents");
  if (initial && match !== NOT_OLDER_THAN) {
    yield forbidden(field, `sendInitialEvents requires setting resourceVersionMatch to ${NOT_OLDER_THAN}`);
  }
  if (match === "") return;
  if (!initial)
    yield forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  if (match !== NOT_OLDER_THAN) yield notSupported(field, match, [NOT_OLDER_THAN]);
  if (query.get("continue")) yield forbidden(field, "resourceVersionMatch is forbidden when continue is provided");
}

/** An integer of the query; undefined when it is not there. */
export function integerOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") return undefined;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`${name}: Invalid value: ${JSON.stringify(text)}: must be an integer`);
}

function requireVersion(text: string): void {
  if (/^\d{0,15}$/.test(text)) return;
  throw badRequest(`Invalid value: ${JSON.stringify(text)}: resource version must be a decimal number`);
}

/** A version that the store has not reached: it will not be waited for. Kubernetes: storage.NewTooLargeResourceVersionError. */
export function requireNotAhead({ node }: ResourceContext, wanted: string): void {
  requireVersion(wanted);
  const current = node.store.version();
  if (Number(wanted) <= Number(current)) return;
  throw new MinkeError("DeadlineExceeded", `Too large resource version: ${wanted}, current: ${current}`, {
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

/** From the query; a name in the path (`…/watch/pods/x`) selects as a field would. */
export function selectorOf({ query, resource, info }: ResourceContext): Selector {
  const fields = [query.get("fieldSelector") ?? "", info.name === "" ? "" : `metadata.name=${info.name}`];
  const fieldSelector = fields.filter((text) => text !== "").join(",");
  return parseSelector(resource.kind, query.get("labelSelector") ?? "", fieldSelector, resource.group);
}
