/** Roles and bindings (Kubernetes: pkg/apis/rbac/validation/validation.go). */
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "./field-error.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from "./gen/types.ts";
import { subdomainFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

const GROUP = "rbac.authorization.k8s.io";

/** Names of roles and bindings: anything that can stand in a path. Kubernetes: api/validation/path/name.go. */
export function pathNameFaults(name: string): string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
}

export function* validateRole({ rules = [] }: Role): Generator<FieldError> {
  for (const [index, rule] of rules.entries()) yield* validateRule(rule, true, `rules[${index}]`);
}

export function* validateClusterRole({ rules = [], aggregationRule }: ClusterRole): Generator<FieldError> {
  for (const [index, rule] of rules.entries()) yield* validateRule(rule, false, `rules[${index}]`);
  if (aggregationRule && (aggregationRule.clusterRoleSelectors ?? []).length === 0) {
    yield required(
      "aggregationRule.clusterRoleSelectors",
      "at least one clusterRoleSelector required if aggregationRule is non-nil",
    );
  }
}

function* validateRule(rule: PolicyRule, namespaced: boolean, path: string): Generator<FieldError> {
  const { verbs, nonResourceURLs = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
  if (verbs.length === 0) yield required(`${path}.verbs`, "verbs must contain at least one value");
  if (nonResourceURLs.length > 0) {
    if (namespaced) {
      yield invalid(`${path}.nonResourceURLs`, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs");
    }
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      const why = "rules cannot apply to both regular resources and non-resource URLs";
      yield invalid(`${path}.nonResourceURLs`, nonResourceURLs, why);
    }
    return;
  }
  if (apiGroups.length === 0) {
    yield required(`${path}.apiGroups`, "resource rules must supply at least one api group");
  }
  if (resources.length === 0) {
    yield required(`${path}.resources`, "resource rules must supply at least one resource");
  }
}

export function* validateRoleBinding(binding: RoleBinding): Generator<FieldError> {
  yield* validateRoleRef(binding.roleRef, ["Role", "ClusterRole"]);
  for (const [index, subject] of (binding.subjects ?? []).entries()) {
    yield* validateSubject(subject, true, `subjects[${index}]`);
  }
}

export function* validateClusterRoleBinding(binding: ClusterRoleBinding): Generator<FieldError> {
  yield* validateRoleRef(binding.roleRef, ["ClusterRole"]);
  for (const [index, subject] of (binding.subjects ?? []).entries()) {
    yield* validateSubject(subject, false, `subjects[${index}]`);
  }
}

/** What a binding binds never changes: make another. */
export function* validateBindingUpdate(
  next: RoleBinding | ClusterRoleBinding,
  previous: RoleBinding | ClusterRoleBinding,
): Generator<FieldError> {
  if (!equalJson(next.roleRef, previous.roleRef)) yield invalid("roleRef", next.roleRef, "cannot change roleRef");
}

function* validateRoleRef(ref: RoleBinding["roleRef"], kinds: readonly string[]): Generator<FieldError> {
  if (ref.apiGroup !== GROUP) yield notSupported("roleRef.apiGroup", ref.apiGroup ?? "", [GROUP]);
  if (!kinds.includes(ref.kind)) yield notSupported("roleRef.kind", ref.kind, kinds);
  if (ref.name === "") yield required("roleRef.name");
  else yield* faults("roleRef.name", ref.name, pathNameFaults(ref.name));
}

function* validateSubject(subject: Subject, namespaced: boolean, path: string): Generator<FieldError> {
  const { kind, name, apiGroup = "", namespace = "" } = subject;
  if (name === "") yield required(`${path}.name`);
  if (kind === "ServiceAccount") {
    if (name !== "") yield* faults(`${path}.name`, name, subdomainFaults(name));
    if (apiGroup !== "") yield notSupported(`${path}.apiGroup`, apiGroup, [""]);
    if (namespace === "" && !namespaced) yield required(`${path}.namespace`);
    return;
  }
  if (kind !== "User" && kind !== "Group") {
    yield notSupported(`${path}.kind`, kind, ["ServiceAccount", "User", "Group"]);
    return;
  }
  if (apiGroup !== GROUP) yield notSupported(`${path}.apiGroup`, apiGroup, [GROUP]);
  if (namespace !== "") yield forbidden(`${path}.namespace`, "may not be set on this kind of subject");
}
