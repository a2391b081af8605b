/**
 * What a request asks for, as roles see it. Kubernetes: staging/src/k8s.io/apiserver/pkg/authorization/authorizer and
 * endpoints/filters/authorization.go.
 */
import type { RequestInfo } from "../request-info.ts";

export interface ResourceAttributes {
  readonly type: "resource";
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** The plural. */
  readonly resource: string;
  readonly subresource: string;
  /** Empty for what is bound to none. */
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
}

export interface PathAttributes {
  readonly type: "path";
  /** The method in lower case. */
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

/** Subresources that do something to a Pod, whatever the method: a browser can only GET a WebSocket. */
const ACTING = new Set(["exec", "attach", "portforward"]);

export function attributesOf(method: string, url: URL, info: RequestInfo): Attributes {
  // A group version's own document is a path.
  if (info.type === "path" || info.resource === "") {
    return { type: "path", verb: method.toLowerCase(), path: url.pathname };
  }
  const { group, version, namespace, resource, subresource } = info;
  const acting = group === "" && resource === "pods" && ACTING.has(subresource);
  return {
    type: "resource",
    verb: acting ? "create" : info.verb,
    group,
    version,
    resource,
    subresource,
    // A namespace is in itself. Kubernetes: endpoints/request/requestinfo.go.
    namespace: group === "" && resource === "namespaces" ? info.name : namespace,
    name: info.name === "" ? selectedName(url.searchParams) : info.name,
  };
}

/** A collection cut down to one object by its name asks for that object. */
function selectedName(query: URLSearchParams): string {
  for (const term of (query.get("fieldSelector") ?? "").split(",")) {
    const match = /^metadata\.name==?([^=!\\]+)$/.exec(term);
    if (match) return match[1]!;
  }
  return "";
}

/** `User "x" cannot get resource "pods/log" in API group "" in the namespace "default"` */
export function refusalText(user: string, attributes: Attributes): string {
  // As Kubernetes: nothing in an error that a browser could take for HTML.
  const clean = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  if (attributes.type === "path") return clean(`User "${user}" cannot ${attributes.verb} path "${attributes.path}"`);
  const { verb, group, resource, subresource, namespace } = attributes;
  const full = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return clean(`User "${user}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`);
}
