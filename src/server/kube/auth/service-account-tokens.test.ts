import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";

import { beforeEach, expect, test } from "vitest";

import type { ServiceAccount } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { FakeClock } from "../../../base/clock.ts";
import { createMemoryStore } from "../../../store/memory.ts";
import type { Store } from "../../../store/store.ts";
import { JwtKey } from "./jwt.ts";
import { ISSUER, ServiceAccountTokens } from "./service-account-tokens.ts";

const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const object = (kind: string, name: string, more: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace: "ns", uid: `uid-${name}` },
  ...more,
});

let clock: FakeClock;
let store: Store;
let tokens: ServiceAccountTokens;
let account: ServiceAccount;
beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore();
  tokens = new ServiceAccountTokens({ key, store, clock });
  account = store.create("serviceaccounts", object("ServiceAccount", "robot")) as ServiceAccount;
});

const issue = (boundTo?: KubeObject, lifetimeSeconds = 3600): string =>
  tokens.issue({ account, audiences: [], lifetimeSeconds, ...(boundTo ? { boundTo } : {}) }).token;

test("a token is good until the second it expires, and not before it was made", () => {
  const token = issue();
  clock.advance(3600 * 1000 - 1);
  expect(tokens.authenticate(token)?.user.name).toBe("system:serviceaccount:ns:robot");
  clock.advance(1);
  expect(tokens.authenticate(token)).toBeUndefined();
  const late = issue();
  const earlier = new ServiceAccountTokens({ key, store, clock: new FakeClock(clock.now() - 5_000) });
  expect(earlier.authenticate(late)).toBeUndefined();
});

test("a token of a Pod tells Pod and node, and dies with the Pod, a minute after its deletion", () => {
  store.create("nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "n", uid: "uid-n" } });
  const pod = store.create("pods", object("Pod", "web", { spec: { nodeName: "n", containers: [] } }));
  const token = issue(pod);
  const extra = tokens.authenticate(token)?.user.extra ?? {};
  expect(extra["authentication.kubernetes.io/pod-name"]).toEqual(["web"]);
  expect(extra["authentication.kubernetes.io/pod-uid"]).toEqual(["uid-web"]);
  expect(extra["authentication.kubernetes.io/node-name"]).toEqual(["n"]);
  const deletionTimestamp = new Date(clock.now()).toISOString();
  store.update("pods", { ...pod, metadata: { ...pod.metadata, deletionTimestamp } });
  clock.advance(59_000);
  expect(tokens.authenticate(token)).toBeDefined();
  clock.advance(2_000);
  expect(tokens.authenticate(token)).toBeUndefined();
  store.delete({ resource: "pods", namespace: "ns", name: "web" });
  store.create("pods", object("Pod", "web", { metadata: { name: "web", namespace: "ns", uid: "another" } }));
  expect(tokens.authenticate(token)).toBeUndefined();
});

test("what this key has not signed is no token: no algorithm but its own, no other key, no changed claim", () => {
  const token = issue();
  const [head = "", body = "", signature = ""] = token.split(".");
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const other = new JwtKey(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
  const pem = createPublicKey(key).export({ type: "spki", format: "pem" });
  const hmacHead = encode({ alg: "HS256" });
  const forged = [
    "",
    "a.b",
    "a.b.c",
    `${head}.${body}.`,
    `${head}.${encode({ ...claims, sub: "x" })}.${signature}`,
    `${encode({ alg: "none" })}.${body}.`,
    `${encode({ alg: "none" })}.${body}.${signature}`,
    `${hmacHead}.${body}.${createHmac("sha256", pem).update(`${hmacHead}.${body}`).digest("base64url")}`,
    other.sign(claims),
    "x".repeat(1 << 20),
  ];
  for (const text of forged) expect(tokens.authenticate(text), text.slice(0, 80)).toBeUndefined();
  // Signed by us, and for something else.
  const jwt = new JwtKey(key);
  expect(tokens.authenticate(jwt.sign({ ...claims, iss: "https://else" }))).toBeUndefined();
  expect(tokens.authenticate(jwt.sign({ ...claims, aud: ["vault"] }))).toBeUndefined();
  expect(tokens.authenticate(jwt.sign(claims), ["vault", ISSUER])?.audiences).toEqual([ISSUER]);
});
