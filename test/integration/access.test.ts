/** Roles, reviews, impersonation and tokens, against the server alone. Who asks is said by impersonation, as kubectl --as does. */
import { afterEach, beforeEach, expect, test } from "vitest";

import { type Answer, startTestApi, type TestApi } from "../fixtures/api-server.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const HELD = "is attempting to grant RBAC permissions not currently held:";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(async () => api[Symbol.asyncDispose]());

interface As {
  readonly as?: string;
  readonly groups?: string[];
  readonly method?: string;
  readonly type?: string;
}

async function call(path: string, body?: unknown, { as, groups = [], ...rest }: As = {}): Promise<Answer> {
  const headers = as === undefined ? {} : { "impersonate-user": as, "impersonate-group": groups };
  return await api.call(path, { method: body === undefined ? "GET" : "POST", body, headers, ...rest });
}

async function made(path: string, body: unknown): Promise<void> {
  const { code, text } = await call(path, body);
  expect(code, text).toBe(201);
}

async function grant(user: string, rules: readonly unknown[], namespace = "default"): Promise<void> {
  const metadata = { name: `${user}-role` };
  await made(`${RBAC}/namespaces/${namespace}/roles`, { metadata, rules });
  await made(`${RBAC}/namespaces/${namespace}/rolebindings`, {
    metadata,
    subjects: [{ kind: "User", name: user }],
    roleRef: { kind: "Role", name: metadata.name },
  });
}

const pods = (...verbs: string[]) => ({ apiGroups: [""], resources: ["pods"], verbs });

test("without a role a user is refused in Kubernetes' words, and can only discover", async () => {
  const { code, json } = await call("/api/v1/namespaces/default/pods", undefined, { as: "ada" });
  expect(code).toBe(403);
  expect(json).toEqual({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'pods is forbidden: User "ada" cannot list resource "pods" in API group "" in the namespace "default"',
    reason: "Forbidden",
    details: { kind: "pods" },
    code: 403,
  });
  const message = async (path: string, rest: As = {}): Promise<unknown> =>
    (await call(path, undefined, { as: "ada", ...rest })).json["message"];
  expect(await message("/api/v1/namespaces/default/pods/x/log")).toBe(
    'pods "x" is forbidden: User "ada" cannot get resource "pods/log" in API group "" in the namespace "default"',
  );
  expect(await message(`${RBAC}/clusterroles/x`, { method: "DELETE" })).toBe(
    'clusterroles.rbac.authorization.k8s.io "x" is forbidden: User "ada" cannot delete resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope',
  );
  expect(await message("/metrics")).toBe('forbidden: User "ada" cannot get path "/metrics"');
  for (const path of ["/api", "/api/v1", "/apis", "/openapi/v3", "/version", "/livez", RBAC]) {
    expect((await call(path, undefined, { as: "ada" })).code, path).toBe(200);
  }
});

test("a role gives what it says: verbs, subresources, names, one namespace, until the binding goes", async () => {
  await grant("ada", [
    pods("list", "watch"),
    { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    { apiGroups: [""], resources: ["configmaps"], resourceNames: ["mine"], verbs: ["get", "list"] },
  ]);
  const code = async (path: string, rest: As = {}): Promise<number> =>
    (await call(`/api/v1/namespaces/${path}`, undefined, { as: "ada", ...rest })).code;
  expect(await code("default/pods")).toBe(200);
  expect(await code("default/pods/x")).toBe(403);
  expect(await code("kube-system/pods")).toBe(403);
  expect(await code("default/pods/x/log")).toBe(404);
  expect(await code("default/configmaps/mine")).toBe(404);
  expect(await code("default/configmaps/other")).toBe(403);
  expect(await code("default/configmaps?fieldSelector=metadata.name%3Dmine")).toBe(200);
  expect(await code("default/configmaps?fieldSelector=metadata.name%3Dother")).toBe(403);
  expect(await code("default/configmaps")).toBe(403);
  expect((await call("/api/v1/pods", undefined, { as: "ada" })).code).toBe(403);
  await api.call(`${RBAC}/namespaces/default/rolebindings/ada-role`, { method: "DELETE" });
  expect(await code("default/pods")).toBe(403);
});

test("entering a Pod is `create`, also by a GET that upgrades", async () => {
  await grant("ada", [
    { apiGroups: [""], resources: ["pods/exec", "pods/attach", "pods/portforward"], verbs: ["get"] },
  ]);
  for (const name of ["exec", "attach", "portforward"]) {
    const { code, json } = await call(`/api/v1/namespaces/default/pods/x/${name}?stdout=1`, undefined, { as: "ada" });
    expect(code).toBe(403);
    expect(json["message"]).toContain(`cannot create resource "pods/${name}"`);
  }
  await grant("eve", [{ apiGroups: [""], resources: ["pods/*", "*/exec"], verbs: ["create"] }]);
  const exec = await call("/api/v1/namespaces/default/pods/x/exec?stdout=1", undefined, { as: "eve" });
  expect(exec.code).not.toBe(403);
});

test("cluster roles, groups, service accounts and non-resource URLs", async () => {
  await made(`${RBAC}/clusterroles`, {
    metadata: { name: "peek" },
    rules: [pods("list"), { nonResourceURLs: ["/metrics*"], verbs: ["get"] }],
  });
  const roleRef = { kind: "ClusterRole", name: "peek" };
  await made(`${RBAC}/clusterrolebindings`, {
    metadata: { name: "all" },
    roleRef,
    subjects: [{ kind: "Group", name: "ops" }],
  });
  await made(`${RBAC}/namespaces/default/rolebindings`, {
    metadata: { name: "robots" },
    roleRef,
    subjects: [{ kind: "ServiceAccount", name: "robot" }],
  });
  expect((await call("/api/v1/pods", undefined, { as: "ada", groups: ["x", "ops"] })).code).toBe(200);
  expect((await call("/metrics/x", undefined, { as: "ada", groups: ["ops"] })).code).toBe(404);
  const robot = { as: "system:serviceaccount:default:robot" };
  expect((await call("/api/v1/namespaces/default/pods", undefined, robot)).code).toBe(200);
  expect((await call("/api/v1/pods", undefined, robot)).code).toBe(403);
  const missing = { ...roleRef, name: "nothing" };
  await made(`${RBAC}/namespaces/default/rolebindings`, {
    metadata: { name: "broken" },
    roleRef: missing,
    subjects: [{ kind: "User", name: "bob" }],
  });
  expect((await call("/api/v1/namespaces/default/pods", undefined, { as: "bob" })).json["message"]).toBe(
    'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default": RBAC: clusterrole.rbac.authorization.k8s.io "nothing" not found',
  );
});

test("nobody writes a role with more than they have, nor binds one, unless they may escalate or bind", async () => {
  const rbac = {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["roles", "rolebindings"],
    verbs: ["create", "patch"],
  };
  await grant("ada", [pods("get", "list"), rbac]);
  const roles = `${RBAC}/namespaces/default/roles`;
  const role = (...rules: unknown[]) => ({ metadata: { name: "new" }, rules });
  const refused = await call(roles, role(pods("get", "delete", "create"), { ...pods("get"), resources: ["secrets"] }), {
    as: "ada",
    groups: ["g"],
  });
  expect(refused.code).toBe(403);
  expect(refused.json["message"]).toBe(
    `roles.rbac.authorization.k8s.io "new" is forbidden: user "ada" (groups=["g" "system:authenticated"]) ${HELD}\n` +
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}\n' +
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
  );
  expect((await call(roles, role(pods("get")), { as: "ada" })).code).toBe(201);
  const patch = { method: "PATCH", type: "application/merge-patch+json", as: "ada" };
  expect((await call(`${roles}/new`, { rules: [pods("*")] }, patch)).json["message"]).toContain(HELD);
  // What it already has may stay when somebody touches its labels.
  await api.call(`${roles}/new`, { method: "PATCH", type: patch.type, body: { rules: [pods("*")] } });
  expect((await call(`${roles}/new`, { metadata: { labels: { a: "b" } } }, patch)).code).toBe(200);

  const bindings = `${RBAC}/namespaces/default/rolebindings`;
  const binding = (name: string) => ({
    metadata: { name },
    roleRef: { kind: "ClusterRole", name },
    subjects: [{ kind: "User", name: "ada" }],
  });
  expect((await call(bindings, binding("edit"), { as: "ada" })).json["message"]).toContain(HELD);
  expect((await call(bindings, binding("none"), { as: "ada" })).code).toBe(404);
  await grant("boss", [rbac, { ...rbac, resources: ["clusterroles"], resourceNames: ["edit"], verbs: ["bind"] }]);
  expect((await call(bindings, binding("edit"), { as: "boss" })).code).toBe(201);
  expect((await call(bindings, binding("admin"), { as: "boss" })).json["message"]).toContain(HELD);
});

test("roles that are not well are refused with their fields", async () => {
  const message = async (path: string, body: unknown): Promise<unknown> =>
    (await call(RBAC + path, body)).json["message"];
  const metadata = { name: "a" };
  expect(
    await message("/namespaces/default/roles", { metadata, rules: [{ verbs: [], nonResourceURLs: ["/x"] }] }),
  ).toBe(
    'Role.rbac.authorization.k8s.io "a" is invalid: [rules[0].verbs: Required value: verbs must contain at least one value, rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs]',
  );
  const subjects = [
    { kind: "ServiceAccount", name: "x" },
    { kind: "Robot", name: "x" },
  ];
  expect(await message("/clusterrolebindings", { metadata, roleRef: { kind: "Role", name: "x" }, subjects })).toBe(
    'ClusterRoleBinding.rbac.authorization.k8s.io "a" is invalid: [roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole", subjects[0].namespace: Required value, subjects[1].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"]',
  );
  await made(`${RBAC}/clusterroles`, { metadata: { name: "system:with:colons" }, rules: [] });
  await made(`${RBAC}/clusterrolebindings`, { metadata, roleRef: { kind: "ClusterRole", name: "view" } });
  const changed = await api.call(`${RBAC}/clusterrolebindings/a`, {
    method: "PUT",
    body: { metadata, roleRef: { kind: "ClusterRole", name: "edit" } },
  });
  expect(changed.json["message"]).toContain("roleRef: Invalid value");
  expect(changed.json["message"]).toContain("cannot change roleRef");
});

test("the default roles are there, and the aggregated ones follow their parts", async () => {
  const rulesOf = async (name: string): Promise<readonly unknown[]> =>
    (await call(`${RBAC}/clusterroles/${name}`)).json["rules"] as readonly unknown[];
  const view = await rulesOf("view");
  expect(view.length).toBeGreaterThan(3);
  expect(await rulesOf("admin")).toEqual(expect.arrayContaining([...view, ...(await rulesOf("edit"))]));
  const rule = { apiGroups: ["example.com"], resources: ["things"], verbs: ["get"] };
  await made(`${RBAC}/clusterroles`, {
    metadata: { name: "things", labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
    rules: [rule],
  });
  for (const name of ["view", "edit", "admin"]) expect(await rulesOf(name), name).toContainEqual(rule);
  await api.call(`${RBAC}/clusterroles/things`, { method: "DELETE" });
  for (const name of ["view", "edit", "admin"]) expect(await rulesOf(name), name).not.toContainEqual(rule);
});

test("access reviews answer for oneself, for others, and for one namespace", async () => {
  await grant("ada", [pods("list")]);
  const authorization = "/apis/authorization.k8s.io/v1";
  const attributes = (verb: string, namespace = "default") => ({
    resourceAttributes: { verb, resource: "pods", namespace },
  });
  const own = async (spec: unknown): Promise<unknown> =>
    (await call(`${authorization}/selfsubjectaccessreviews`, { spec }, { as: "ada" })).json["status"];
  expect(await own(attributes("list"))).toEqual({
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "ada-role/default" of Role "ada-role" to User "ada"',
  });
  expect(await own(attributes("delete"))).toEqual({ allowed: false });
  expect(await own({ nonResourceAttributes: { verb: "get", path: "/version" } })).toMatchObject({ allowed: true });
  const invalid = await call(`${authorization}/selfsubjectaccessreviews`, { spec: {} });
  expect(invalid.code).toBe(422);

  const other = await call(`${authorization}/subjectaccessreviews`, { spec: { user: "ada", ...attributes("list") } });
  expect(other.json["status"]).toMatchObject({ allowed: true });
  expect((await call(`${authorization}/subjectaccessreviews`, { spec: attributes("list") })).code).toBe(422);
  expect((await call(`${authorization}/subjectaccessreviews`, { spec: {} }, { as: "ada" })).code).toBe(403);
  const local = `${authorization}/namespaces/default/localsubjectaccessreviews`;
  expect((await call(local, { spec: { user: "ada", ...attributes("list") } })).json["status"]).toMatchObject({
    allowed: true,
  });
  expect((await call(local, { spec: { user: "ada", ...attributes("list", "kube-system") } })).code).toBe(400);

  const rules = await call(
    `${authorization}/selfsubjectrulesreviews`,
    { spec: { namespace: "default" } },
    { as: "ada" },
  );
  expect(rules.json["status"]).toMatchObject({
    incomplete: false,
    resourceRules: expect.arrayContaining([pods("list")]),
  });
  const whoami = await call("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, { as: "ada", groups: ["g"] });
  expect(whoami.json["status"]).toEqual({
    userInfo: { username: "ada", groups: ["g", "system:authenticated"], extra: {} },
  });
});

test("impersonation is for those whose roles allow each part of it", async () => {
  const as = async (headers: Record<string, string | string[]>): Promise<Answer> =>
    await api.call("/apis/authentication.k8s.io/v1/selfsubjectreviews", { method: "POST", body: {}, headers });
  const account = await as({ "impersonate-user": "system:serviceaccount:a:b", "impersonate-extra-Scopes": ["x", "y"] });
  expect(account.json["status"]).toEqual({
    userInfo: {
      username: "system:serviceaccount:a:b",
      groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
      extra: { scopes: ["x", "y"] },
    },
  });
  expect((await as({ "impersonate-group": ["g"] })).code).toBe(400);
});

test("a token is made, tells whose it is, and dies with its account or what it is bound to", async () => {
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await made(accounts, { metadata: { name: "robot" } });
  await made("/api/v1/namespaces/default/secrets", { metadata: { name: "leash" } });
  const request = async (spec: unknown, as?: string): Promise<Answer> =>
    await call(
      `${accounts}/robot/token`,
      { kind: "TokenRequest", apiVersion: "authentication.k8s.io/v1", spec },
      as ? { as } : {},
    );
  const review = async (token: string, audiences?: readonly string[]): Promise<Answer["json"]> =>
    (
      await call("/apis/authentication.k8s.io/v1/tokenreviews", {
        spec: { token, ...(audiences ? { audiences } : {}) },
      })
    ).json;
  const tokenOf = ({ json }: Answer): string => (json["status"] as { token: string }).token;

  const plain = await request({});
  expect(plain.code, plain.text).toBe(201);
  expect(plain.json["spec"]).toMatchObject({ expirationSeconds: 3600 });
  expect((await review(tokenOf(plain)))["status"]).toMatchObject({
    authenticated: true,
    user: {
      username: "system:serviceaccount:default:robot",
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
    },
  });
  expect((await request({ expirationSeconds: 599 })).json["message"]).toBe(
    'TokenRequest "robot" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
  );
  expect((await request({}, "ada")).code).toBe(403);

  const vault = tokenOf(await request({ audiences: ["vault"] }));
  expect((await review(vault))["status"]).toMatchObject({ error: expect.any(String) });
  expect((await review(vault, ["vault", "x"]))["status"]).toMatchObject({ authenticated: true, audiences: ["vault"] });

  const boundObjectRef = { apiVersion: "v1", kind: "Secret", name: "leash" };
  const bound = tokenOf(await request({ boundObjectRef }));
  expect((await request({ boundObjectRef: { ...boundObjectRef, uid: "x" } })).code).toBe(409);
  expect((await request({ boundObjectRef: { ...boundObjectRef, name: "none" } })).code).toBe(404);
  expect((await request({ boundObjectRef: { ...boundObjectRef, kind: "ConfigMap" } })).code).toBe(400);
  const isGood = async (token: string): Promise<boolean> => api.tokens.authenticate(token) !== undefined;
  expect(await isGood(bound)).toBe(true);
  await api.call("/api/v1/namespaces/default/secrets/leash", { method: "DELETE" });
  expect(await isGood(bound)).toBe(false);
  expect(await isGood(tokenOf(plain))).toBe(true);
  await api.call(`${accounts}/robot`, { method: "DELETE" });
  await made(accounts, { metadata: { name: "robot" } });
  expect(await isGood(tokenOf(plain))).toBe(false);

  const discovery = await call("/.well-known/openid-configuration");
  expect(discovery.json).toMatchObject({ id_token_signing_alg_values_supported: ["ES256"] });
  expect((await call("/openid/v1/jwks", undefined, { as: "ada" })).code).toBe(403);
  const robot = { as: "system:serviceaccount:default:robot" };
  expect((await call("/openid/v1/jwks", undefined, robot)).code).toBe(200);
});

test("who may patch but not create can apply what is there, and nothing else", async () => {
  await grant("ada", [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] }]);
  const path = "/api/v1/namespaces/default/configmaps/a";
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  const apply = async (): Promise<Answer> =>
    await api.call(`${path}?fieldManager=m`, {
      method: "PATCH",
      body,
      type: "application/apply-patch+yaml",
      headers: { "impersonate-user": "ada" },
    });
  expect((await apply()).json["message"]).toContain('User "ada" cannot create resource "configmaps"');
  await made("/api/v1/namespaces/default/configmaps", body);
  expect((await apply()).code).toBe(200);
});
