/**
 * Nobody gives away more than they have: who writes a role must hold all of its rules, who binds one too, unless a role
 * allows them to `escalate` or `bind`. Kubernetes: pkg/registry/rbac/{clusterrole,rolebinding}/policybased/storage.go.
 */
import { CLUSTER_ROLES, ROLES } from "../../../api/access-resources.ts";
import { equalJson } from "../../../api/equal.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { type Resource, resourceNameOf } from "../../../api/resources.ts";
import { forbiddenBecause, notFound } from "../../../api/status.ts";
import type { ResourceContext } from "../context.ts";
import { compact, quotedList, ruleText, uncovered } from "./policy-rule.ts";
import { aggregate, decide, rulesOf, rulesOfRole } from "./rbac.ts";
import { isMaster } from "./user.ts";

const EVERYTHING: PolicyRule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

/** Throws 403 when the role has rules that the user does not hold. */
export function requireHeldRules(object: KubeObject, context: ResourceContext): void {
  const { user } = context;
  const { rules = [], aggregationRule } = object as Role & Pick<ClusterRole, "aggregationRule">;
  const stored = storedOf(object, context) as ClusterRole | undefined;
  if (
    isMaster(user) ||
    isUnchanged(object as ClusterRole, stored) ||
    may(context, context.resource, "escalate", object)
  ) {
    return;
  }
  // Whatever its selectors may choose one day.
  if (aggregationRule) confirm(object, context, EVERYTHING);
  confirm(object, context, rules);
}

/** Throws 403 when the role that is bound has rules that the user does not hold, 404 when there is no such role. */
export function requireHeldRole(object: KubeObject, context: ResourceContext): void {
  const { user, node } = context;
  const { roleRef, subjects = [] } = object as RoleBinding | ClusterRoleBinding;
  const stored = storedOf(object, context) as RoleBinding | undefined;
  const same = stored && equalJson(stored.roleRef, roleRef) && equalJson(stored.subjects ?? [], subjects);
  if (isMaster(user) || same) return;
  const resource = roleRef.kind === "ClusterRole" ? CLUSTER_ROLES : ROLES;
  if (may(context, resource, "bind", { metadata: { name: roleRef.name, namespace: namespaceOf(object) } })) return;
  const rules = rulesOfRole(node.store, roleRef, namespaceOf(object));
  if (!rules) throw notFound(resource, roleRef.name);
  confirm(object, context, rules);
}

function confirm(object: KubeObject, { node, user, resource }: ResourceContext, wanted: readonly PolicyRule[]): void {
  const held = rulesOf(node.store, user, namespaceOf(object));
  const missing = uncovered(held.rules, wanted);
  if (missing.length === 0) return;
  const texts = [...new Set(compact(missing).map(ruleText))].toSorted();
  const errors = held.errors.length === 0 ? "" : `; resolution errors: ${aggregate(held.errors)}`;
  const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`;
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${texts.join("\n")}${errors}`;
  throw forbiddenBecause(resource, object.metadata.name ?? "", why);
}

function isUnchanged(next: ClusterRole, stored: ClusterRole | undefined): boolean {
  return (
    stored !== undefined &&
    equalJson(next.rules ?? [], stored.rules ?? []) &&
    equalJson(next.aggregationRule ?? null, stored.aggregationRule ?? null)
  );
}

function storedOf(object: KubeObject, { node, resource }: ResourceContext): KubeObject | undefined {
  const { name = "" } = object.metadata;
  return node.store.get({ resource: resourceNameOf(resource), namespace: namespaceOf(object), name });
}

/** Whether the user may do this to a role: `escalate` it, or `bind` it. */
function may(
  { node, user }: ResourceContext,
  { group, version, plural, namespaced }: Resource,
  verb: "bind" | "escalate",
  { metadata }: Pick<KubeObject, "metadata">,
): boolean {
  const { name = "", namespace = "" } = metadata;
  // A ClusterRole that is bound in one namespace is bound there.
  const place = namespaced || verb === "bind" ? namespace : "";
  return decide(node.store, user, {
    type: "resource",
    verb,
    group,
    version,
    resource: plural,
    subresource: "",
    namespace: place,
    name,
  }).allowed;
}

function namespaceOf({ metadata }: Pick<KubeObject, "metadata">): string {
  return metadata.namespace ?? "";
}
