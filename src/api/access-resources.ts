/** Rows of the resource table: who may do what (roles and their bindings), and the questions about it, which are only asked. */
import type { Resource } from "./resources.ts";

const READ_WRITE = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

function row(group: string, plural: string, kind: string, namespaced: boolean, verbs: readonly string[]): Resource {
  return {
    group,
    version: "v1",
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced,
    shortNames: [],
    verbs,
    categories: [],
    definition: `${group.split(".")[0]}.v1.${kind}`,
  };
}

const RBAC = "rbac.authorization.k8s.io";
export const ROLES = row(RBAC, "roles", "Role", true, READ_WRITE);
export const ROLE_BINDINGS = row(RBAC, "rolebindings", "RoleBinding", true, READ_WRITE);
export const CLUSTER_ROLES = row(RBAC, "clusterroles", "ClusterRole", false, READ_WRITE);
export const CLUSTER_ROLE_BINDINGS = row(RBAC, "clusterrolebindings", "ClusterRoleBinding", false, READ_WRITE);

const ASK = ["create"];
const AUTHENTICATION = "authentication.k8s.io";
const AUTHORIZATION = "authorization.k8s.io";
const SELF_SUBJECT_REVIEWS = row(AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview", false, ASK);
const TOKEN_REVIEWS = row(AUTHENTICATION, "tokenreviews", "TokenReview", false, ASK);
const LOCAL_ACCESS_REVIEWS = row(AUTHORIZATION, "localsubjectaccessreviews", "LocalSubjectAccessReview", true, ASK);
const SELF_ACCESS_REVIEWS = row(AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview", false, ASK);
const SELF_RULES_REVIEWS = row(AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview", false, ASK);
const ACCESS_REVIEWS = row(AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview", false, ASK);

export const ACCESS_RESOURCES: readonly Resource[] = [
  ROLES,
  ROLE_BINDINGS,
  CLUSTER_ROLES,
  CLUSTER_ROLE_BINDINGS,
  SELF_SUBJECT_REVIEWS,
  TOKEN_REVIEWS,
  LOCAL_ACCESS_REVIEWS,
  SELF_ACCESS_REVIEWS,
  SELF_RULES_REVIEWS,
  ACCESS_REVIEWS,
];
