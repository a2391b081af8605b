/**
 * The Kubernetes path grammar: what a request is about, from its method and URL alone.
 * Kubernetes: staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
 */

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

export interface ResourceRequest {
  readonly type: "resource";
  readonly verb: Verb;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Empty when the request is not bound to one. */
  readonly namespace: string;
  /** The plural; empty for a group version's own document. */
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
}

export interface PathRequest {
  readonly type: "path";
  /** Without a slash at its end. */
  readonly path: string;
}

export type RequestInfo = ResourceRequest | PathRequest;

/** Subresources of a namespace itself; anything else behind a namespace's name is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** Reads method and URL. Undefined for a method without a verb, or a path with a broken escape. */
export function requestInfoOf(method: string, url: URL): RequestInfo | undefined {
  let parts: string[];
  try {
    parts = url.pathname
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const path = `/${parts.join("/")}`;
  const group = parts[0] === "api" ? "" : parts[1];
  const rest = parts[0] === "api" ? parts.slice(1) : parts.slice(2);
  const version = rest.shift();
  if ((parts[0] !== "api" && parts[0] !== "apis") || group === undefined || version === undefined) {
    return { type: "path", path };
  }
  const legacyWatch = rest[0] === "watch";
  if (legacyWatch) rest.shift();
  const place = placeOf(rest);
  if (!place) return { type: "path", path };
  // Only a collection is watched by a query; `?watch=true` behind a name is a plain get.
  const watch = legacyWatch || (place.name === "" && isTrue(url.searchParams.get("watch")));
  const verb = verbOf(method, place.name !== "", watch && place.subresource === "");
  return verb && { type: "resource", verb, group, version, ...place };
}

/** Splits what follows the version. Undefined when there are too many parts. */
function placeOf(
  parts: readonly string[],
): Pick<ResourceRequest, "namespace" | "resource" | "name" | "subresource"> | undefined {
  const [first = "", second = "", third = ""] = parts;
  let inside = parts;
  let namespace = "";
  if (first === "namespaces" && second !== "") {
    namespace = second;
    if (third !== "" && !NAMESPACE_SUBRESOURCES.has(third)) inside = parts.slice(2);
  }
  // What follows a proxy is a path of whom it leads to.
  if (inside.length > 3 && inside[2] !== "proxy") return undefined;
  const [resource = "", name = "", subresource = ""] = inside;
  return { namespace: resource === "namespaces" ? "" : namespace, resource, name, subresource };
}

function verbOf(method: string, named: boolean, watch: boolean): Verb | undefined {
  switch (method) {
    case "GET":
    case "HEAD":
      return watch ? "watch" : named ? "get" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return named ? "delete" : "deletecollection";
    default:
      return undefined;
  }
}

/** How Kubernetes reads a boolean query parameter: absent, `false` and `0` are false. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== "false" && value !== "0";
}
