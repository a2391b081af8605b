/**
 * Roles and bindings: what a user may do, asked of the store each time, which holds them in memory.
 * Kubernetes: plugin/pkg/auth/authorizer/rbac/rbac.go, pkg/registry/rbac/validation/rule.go.
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "../../../api/gen/types.ts";
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES } from "../../../api/access-resources.ts";
import { resourceNameOf } from "../../../api/resources.ts";
import type { Store } from "../../../store/store.ts";
import type { Attributes } from "./attributes.ts";
import { ruleAllows } from "./policy-rule.ts";
import { isMaster, type User } from "./user.ts";

export type RoleStore = Pick<Store, "get" | "list">;

export interface Decision {
  readonly allowed: boolean;
  /** What allows it, or why roles could not be found; often empty. */
  readonly reason: string;
}

/** Everything that a user is given in a namespace (empty: in none), and what could not be read. */
export interface HeldRules {
  readonly rules: readonly PolicyRule[];
  readonly errors: readonly string[];
}

const EVERYTHING: readonly PolicyRule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

export function decide(store: RoleStore, user: User, attributes: Attributes): Decision {
  if (isMaster(user)) return { allowed: true, reason: "" };
  const errors: string[] = [];
  const namespace = attributes.type === "resource" ? attributes.namespace : "";
  for (const given of grantsOf(store, user, namespace)) {
    if (given.rules === undefined) errors.push(given.description);
    else if (given.rules.some((rule) => ruleAllows(rule, attributes))) {
      return { allowed: true, reason: `RBAC: allowed by ${given.description}` };
    }
  }
  return { allowed: false, reason: errors.length === 0 ? "" : `RBAC: ${aggregate(errors)}` };
}

/** All rules of a user; whoever is in `system:masters` has all there are. */
export function rulesOf(store: RoleStore, user: User, namespace: string): HeldRules {
  if (isMaster(user)) return { rules: EVERYTHING, errors: [] };
  const grants = [...grantsOf(store, user, namespace)];
  return {
    rules: grants.flatMap(({ rules }) => rules ?? []),
    errors: grants.flatMap(({ rules, description }) => (rules ? [] : [description])),
  };
}

/** The rules of the role that a binding names; undefined when there is no such role. */
export function rulesOfRole(
  store: RoleStore,
  { kind, name }: RoleRef,
  namespace: string,
): readonly PolicyRule[] | undefined {
  const [resource, place] = kind === "ClusterRole" ? [CLUSTER_ROLES, ""] : [ROLES, namespace];
  const role = store.get({ resource: resourceNameOf(resource), namespace: place, name });
  return role && ((role as Role | ClusterRole).rules ?? []);
}

/** Several as Kubernetes lists errors. */
export function aggregate(errors: readonly string[]): string {
  const different = [...new Set(errors)];
  return different.length === 1 ? different[0]! : `[${different.join(", ")}]`;
}

interface Grant {
  /** Undefined when the role is not there; the description is the error then. */
  readonly rules: readonly PolicyRule[] | undefined;
  readonly description: string;
}

function* grantsOf(store: RoleStore, user: User, namespace: string): Generator<Grant> {
  for (const binding of store.list(resourceNameOf(CLUSTER_ROLE_BINDINGS)).items as readonly ClusterRoleBinding[]) {
    const { name = "" } = binding.metadata;
    const subject = (binding.subjects ?? []).find((each) => isSubject(user, each, ""));
    if (subject) yield grant(store, binding.roleRef, "", `ClusterRoleBinding ${JSON.stringify(name)}`, subject);
  }
  if (namespace === "") return;
  for (const binding of store.list(resourceNameOf(ROLE_BINDINGS), namespace).items as readonly RoleBinding[]) {
    const { name = "" } = binding.metadata;
    const subject = (binding.subjects ?? []).find((each) => isSubject(user, each, namespace));
    if (!subject) continue;
    yield grant(store, binding.roleRef, namespace, `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`, subject);
  }
}

function grant(store: RoleStore, ref: RoleRef, namespace: string, binding: string, subject: Subject): Grant {
  const rules = rulesOfRole(store, ref, namespace);
  if (!rules) {
    return {
      rules,
      description: `${ref.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(ref.name)} not found`,
    };
  }
  const place = subject.namespace || namespace;
  const who = subject.kind === "ServiceAccount" ? `${subject.name}/${place}` : subject.name;
  const role = `${ref.kind} ${JSON.stringify(ref.name)}`;
  return { rules, description: `${binding} of ${role} to ${subject.kind} ${JSON.stringify(who)}` };
}

/** `namespace` is the binding's, where a service account is when it does not say. */
function isSubject(user: User, subject: Subject, namespace: string): boolean {
  switch (subject.kind) {
    case "User":
      return user.name === subject.name;
    case "Group":
      return user.groups.includes(subject.name);
    case "ServiceAccount": {
      const place = subject.namespace || namespace;
      return place !== "" && user.name === `system:serviceaccount:${place}:${subject.name}`;
    }
    default:
      return false;
  }
}
