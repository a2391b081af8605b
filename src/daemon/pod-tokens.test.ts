import { generateKeyPairSync } from "node:crypto";

import { beforeEach, expect, test } from "vitest";

import type { Pod } from "../api/gen/types.ts";
import { FakeClock } from "../base/clock.ts";
import { ServiceAccountTokens } from "../server/kube/auth/service-account-tokens.ts";
import { createMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import type { TokenSource } from "../volume/volume.ts";
import { podTokens } from "./pod-tokens.ts";

const HOUR_S = 3600;
const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });

let clock: FakeClock;
let store: Store;
let source: TokenSource;
let pod: Pod;
beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore();
  source = podTokens(new ServiceAccountTokens({ key, store, clock }), store, clock);
  createAccount("uid-1");
  pod = createPod("web");
});

function createAccount(uid: string): void {
  const metadata = { name: "default", namespace: "ns", uid };
  store.create("serviceaccounts", { apiVersion: "v1", kind: "ServiceAccount", metadata });
}

function createPod(name: string): Pod {
  const metadata = { name, namespace: "ns", uid: `uid-${name}` };
  return store.create("pods", { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [] } }) as Pod;
}

/** Asks for a token with this one present. */
const ask = async (
  present?: string,
  { expirationSeconds = HOUR_S, audiences = [] as readonly string[], of = pod } = {},
): ReturnType<TokenSource> => await source({ pod: of, audiences, expirationSeconds, present });

test("a token is kept until four fifths of its life are over, by another daemon too", async () => {
  const { token, renewAtMs } = await ask();
  expect(renewAtMs - clock.now()).toBe(0.8 * HOUR_S * 1000);
  clock.advance(0.8 * HOUR_S * 1000 - 1);
  source = podTokens(new ServiceAccountTokens({ key, store, clock }), store, clock);
  expect(await ask(token)).toEqual({ token, renewAtMs });
  clock.advance(1);
  const next = await ask(token);
  expect(next.token).not.toBe(token);
  expect(next.renewAtMs).toBe(renewAtMs + 0.8 * HOUR_S * 1000);
});

test("the shortest life that is allowed is kept to, and none is older than a day", async () => {
  const { token, renewAtMs } = await ask(undefined, { expirationSeconds: 600 });
  expect(renewAtMs - clock.now()).toBe(480_000);
  clock.advance(480_000);
  expect((await ask(token, { expirationSeconds: 600 })).token).not.toBe(token);
  const long = await ask(undefined, { expirationSeconds: 30 * 24 * HOUR_S });
  expect(long.renewAtMs - clock.now()).toBe(24 * HOUR_S * 1000);
});

test.each<[string, (token: string) => Promise<unknown>]>([
  ["another life", (token) => ask(token, { expirationSeconds: HOUR_S + 1 })],
  ["another audience", (token) => ask(token, { audiences: ["vault"] })],
  ["another Pod", (token) => ask(token, { of: createPod("other") })],
  ["no token at all", () => ask("x")],
  [
    "an account that is another by now",
    (token) => {
      store.delete({ resource: "serviceaccounts", namespace: "ns", name: "default" });
      createAccount("uid-2");
      return ask(token);
    },
  ],
])("what is there for %s is not kept", async (_, again) => {
  const { token } = await ask();
  expect(await again(token)).toMatchObject({ token: expect.not.stringContaining(token) });
});

test("without its account there is no token", async () => {
  const { token } = await ask();
  store.delete({ resource: "serviceaccounts", namespace: "ns", name: "default" });
  await expect(ask(token)).rejects.toThrow("Cannot make a token for service account ns/default: it is not there");
});
