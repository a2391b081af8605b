/**
 * Acting as somebody else (`kubectl --as`), by headers, for those whose roles allow it.
 * Kubernetes: staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation.go.
 */
import { badRequest } from "../../../api/status.ts";
import type { RequestContext } from "../context.ts";
import type { ResourceAttributes } from "./attributes.ts";
import { authorize } from "./authorize.ts";
import { ANONYMOUS, AUTHENTICATED, serviceAccountUser, UNAUTHENTICATED, type User } from "./user.ts";

/** As in Kubernetes: a header's name can not carry every key, so it is percent-encoded. */
const EXTRA_PREFIX = "impersonate-extra-";

/** The user that the headers name, undefined when they name none. Throws 403 when the user may not act as them. */
export function impersonated(
  { request, node }: Pick<RequestContext, "request" | "node">,
  user: User,
): User | undefined {
  const headers = impersonationHeaders(request.rawHeaders);
  const { name, uid, groups, extra } = headers;
  const isAsked = name !== undefined || uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0;
  if (!isAsked) return undefined;
  if (name === undefined || name === "")
    throw badRequest("requested impersonation of groups without impersonating a user");
  const as = { name, groups, extra, ...(uid === undefined ? {} : { uid }) };
  for (const attributes of neededFor(as)) authorize(node.store, user, attributes);
  return completed(as);
}

/** Throws 403 unless the request's user may act as this one. */
export function requireImpersonation({ node, user }: RequestContext, as: User): void {
  for (const attributes of neededFor(as)) authorize(node.store, user, attributes);
}

function impersonationHeaders(raw: readonly string[]): {
  readonly name: string | undefined;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
} {
  let name: string | undefined;
  let uid: string | undefined;
  const groups: string[] = [];
  const extra: Record<string, string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [header, value] = [raw[i]!.toLowerCase(), raw[i + 1]!];
    if (header === "impersonate-user") name ??= value;
    else if (header === "impersonate-uid") uid ??= value;
    else if (header === "impersonate-group") groups.push(value);
    else if (header.startsWith(EXTRA_PREFIX)) {
      const key = decoded(header.slice(EXTRA_PREFIX.length));
      if (!Object.hasOwn(extra, key)) extra[key] = [];
      extra[key]!.push(value);
    }
  }
  return { name, uid, groups, extra };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What a user must be allowed to `impersonate`: each part of the other one. */
function* neededFor({ name, uid, groups, extra = {} }: User): Generator<ResourceAttributes> {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  if (account) yield impersonate("", "serviceaccounts", { namespace: account[1]!, name: account[2]! });
  else yield impersonate("", "users", { name });
  for (const group of groups) yield impersonate("", "groups", { name: group });
  if (uid !== undefined) yield impersonate("authentication.k8s.io", "uids", { name: uid });
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values)
      yield impersonate("authentication.k8s.io", "userextras", { subresource: key, name: value });
  }
}

function impersonate(
  group: string,
  resource: string,
  rest: { readonly namespace?: string; readonly subresource?: string; readonly name: string },
): ResourceAttributes {
  return {
    type: "resource",
    verb: "impersonate",
    group,
    version: "v1",
    resource,
    subresource: "",
    namespace: "",
    ...rest,
  };
}

/** With the groups that follow from the name. */
function completed(as: User): User {
  if (as.name === ANONYMOUS.name) return { ...as, groups: [...new Set([...as.groups, UNAUTHENTICATED])] };
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(as.name);
  const own = account && as.groups.length === 0 ? serviceAccountUser(account[1]!, account[2]!).groups : as.groups;
  return { ...as, groups: [...new Set([...own, AUTHENTICATED])] };
}
