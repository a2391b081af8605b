import { expect, test } from "vitest";
import { parse } from "yaml";

import { mergeKubeconfig, newKubeconfig } from "./kubeconfig.ts";

const ENTRY = { name: "minke", server: "https://127.0.0.1:6443", ca: "CA", certificate: "C", key: "K" };
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const OTHER = `# mine
apiVersion: v1
kind: Config
preferences: {}
current-context: work
clusters:
- name: work # the big one
  cluster: {server: "https://work.example"}
users:
- {name: work, user: {token: 0123}}
contexts:
- {name: work, context: {cluster: work, user: work, namespace: mine}}
`;

interface Config {
  readonly [list: string]: unknown;
  readonly clusters: readonly unknown[];
}

test("a new one has a context of its own, and is on it", () => {
  expect(parse(newKubeconfig(ENTRY))).toEqual({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "minke", cluster: { server: ENTRY.server, "certificate-authority-data": base64("CA") } }],
    users: [{ name: "minke", user: { "client-certificate-data": base64("C"), "client-key-data": base64("K") } }],
    contexts: [{ name: "minke", context: { cluster: "minke", user: "minke" } }],
    "current-context": "minke",
  });
});

test("merging adds to what is there, leaves the current context and every other word alone", () => {
  const merged = mergeKubeconfig(OTHER, ENTRY, "f");
  const config = parse(merged) as Config;
  expect(config["current-context"]).toBe("work");
  expect(config.clusters.map((cluster) => (cluster as { name: string }).name)).toEqual(["work", "minke"]);
  for (const kept of ["# mine", "# the big one", "token: 0123", "namespace: mine"]) expect(merged).toContain(kept);
});

test("merging again replaces the entry of that name", () => {
  const once = mergeKubeconfig(OTHER, ENTRY, "f");
  const twice = mergeKubeconfig(once, { ...ENTRY, server: "https://127.0.0.1:7777" }, "f");
  expect(twice).toBe(once.replace("6443", "7777"));
});

test("a file without a current context, or an empty one, gets one", () => {
  const none = OTHER.replace("current-context: work", 'current-context: ""');
  expect((parse(mergeKubeconfig(none, ENTRY, "f")) as Config)["current-context"]).toBe("minke");
  expect(mergeKubeconfig("", ENTRY, "f")).toBe(newKubeconfig(ENTRY));
  const nulls = "apiVersion: v1\nkind: Config\nclusters: null\ncontexts: null\nusers: null\n";
  expect((parse(mergeKubeconfig(nulls, ENTRY, "f")) as Config).clusters).toHaveLength(1);
});

test("a name that looks like a number stays a text", () => {
  const config = parse(mergeKubeconfig(OTHER, { ...ENTRY, name: "0123" }, "f")) as Config;
  expect(config.clusters).toContainEqual(expect.objectContaining({ name: "0123" }));
});

test("what is no kubeconfig is refused", () => {
  for (const text of ["kind: Pod\n", "a: [", "- 1\n"]) {
    expect(() => mergeKubeconfig(text, ENTRY, "/f"), text).toThrow(/Cannot merge into \/f: .*; correct it, or choose/);
  }
});
