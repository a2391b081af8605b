/**
 * The roles that are there from the beginning, as far as this node has what they are about.
 * Kubernetes: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go.
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Subject } from "../../../api/gen/types.ts";
import { AUTHENTICATED, MASTERS, SERVICE_ACCOUNTS_GROUP, UNAUTHENTICATED } from "./user.ts";

const RBAC = "rbac.authorization.k8s.io";
const API_VERSION = "rbac.authorization.k8s.io/v1";
/** The server adds what is missing at its start, unless this says `false`. */
export const AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "delete", "deletecollection", "patch", "update"];
const READ_WRITE = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const HEALTH = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

function rule(verbs: readonly string[], group: string, ...resources: readonly string[]): PolicyRule {
  return { verbs, apiGroups: [group], resources };
}

function paths(...nonResourceURLs: readonly string[]): PolicyRule {
  return { verbs: ["get"], nonResourceURLs };
}

function role(name: string, rules: readonly PolicyRule[], aggregateTo: readonly string[] = []): ClusterRole {
  return { apiVersion: API_VERSION, kind: "ClusterRole", metadata: metadata(name, aggregateTo), rules };
}

/** A role that is made of others. */
function aggregated(name: string, aggregateTo: readonly string[] = []): ClusterRole {
  const matchLabels = { [`${RBAC}/aggregate-to-${name}`]: "true" };
  return { ...role(name, [], aggregateTo), aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
}

function metadata(name: string, aggregateTo: readonly string[] = []): ClusterRole["metadata"] {
  const labels = Object.fromEntries(aggregateTo.map((to) => [`${RBAC}/aggregate-to-${to}`, "true"]));
  return {
    name,
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
    annotations: { [AUTO_UPDATE]: "true" },
  };
}

export const DEFAULT_ROLES: readonly ClusterRole[] = [
  role("cluster-admin", [rule(["*"], "*", "*"), { verbs: ["*"], nonResourceURLs: ["*"] }]),
  aggregated("admin"),
  aggregated("edit", ["admin"]),
  aggregated("view", ["edit"]),
  role(
    "system:aggregate-to-admin",
    [
      rule(["create"], "authorization.k8s.io", "localsubjectaccessreviews"),
      rule(READ_WRITE, RBAC, "roles", "rolebindings"),
    ],
    ["admin"],
  ),
  role(
    "system:aggregate-to-edit",
    [
      rule(READ, "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets"),
      rule(["impersonate"], "", "serviceaccounts"),
      rule(WRITE, "", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"),
      rule(["create"], "", "pods/eviction"),
      rule(["patch", "update"], "", "pods/ephemeralcontainers", "pods/resize"),
      rule(WRITE, "", "configmaps", "events", "persistentvolumeclaims", "podtemplates", "secrets", "serviceaccounts"),
      rule(["create"], "", "serviceaccounts/token"),
      rule(READ_WRITE, "coordination.k8s.io", "leases"),
    ],
    ["edit"],
  ),
  role(
    "system:aggregate-to-view",
    [
      rule(
        READ,
        "",
        "configmaps",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "serviceaccounts",
        "services",
      ),
      rule(READ, "", "events", "limitranges", "namespaces/status", "pods/log", "pods/status", "podtemplates"),
      rule(READ, "", "resourcequotas", "resourcequotas/status"),
      rule(READ, "", "namespaces"),
      rule(READ, "events.k8s.io", "events"),
      rule(READ, "metrics.k8s.io", "nodes", "pods"),
    ],
    ["view"],
  ),
  role("system:auth-delegator", [
    rule(["create"], "authentication.k8s.io", "tokenreviews"),
    rule(["create"], "authorization.k8s.io", "subjectaccessreviews"),
  ]),
  role("system:basic-user", [
    rule(["create"], "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    rule(["create"], "authentication.k8s.io", "selfsubjectreviews"),
  ]),
  role("system:discovery", [paths("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", ...HEALTH)]),
  role("system:monitoring", [
    paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/readyz", "/readyz/*"),
  ]),
  role("system:public-info-viewer", [paths(...HEALTH)]),
  role("system:service-account-issuer-discovery", [
    paths(
      "/.well-known/openid-configuration",
      "/.well-known/openid-configuration/",
      "/openid/v1/jwks",
      "/openid/v1/jwks/",
    ),
  ]),
];

function binding(name: string, ...groups: readonly string[]): ClusterRoleBinding {
  const subjects: Subject[] = groups.map((group) => ({ kind: "Group", apiGroup: RBAC, name: group }));
  return {
    apiVersion: API_VERSION,
    kind: "ClusterRoleBinding",
    metadata: metadata(name),
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
    subjects,
  };
}

export const DEFAULT_BINDINGS: readonly ClusterRoleBinding[] = [
  binding("cluster-admin", MASTERS),
  binding("system:basic-user", AUTHENTICATED),
  binding("system:discovery", AUTHENTICATED),
  binding("system:monitoring", "system:monitoring"),
  binding("system:public-info-viewer", AUTHENTICATED, UNAUTHENTICATED),
  binding("system:service-account-issuer-discovery", SERVICE_ACCOUNTS_GROUP),
];
