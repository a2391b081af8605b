/** Lists in chunks and of a version, watches from a beginning, in the forms that clients ask for. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { KubeObject } from "../../src/api/object.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { startTestApi } from "../fixtures/api-server.ts";
import type { TestApi } from "../fixtures/api-server.ts";

/** So few that a test can write past them. */
const HISTORY_MAX = 50;

let api: TestApi;
beforeEach(async () => void (api = await startTestApi({ store: createMemoryStore({ historyMax: HISTORY_MAX }) })));
afterEach(() => api[Symbol.asyncDispose]());

const CONFIGS = "/api/v1/namespaces/default/configmaps";
const PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

interface List {
  readonly kind: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly KubeObject[];
}

async function list(query: string, path = CONFIGS): Promise<List> {
  const answer = await api.call(`${path}?${query}`);
  expect(answer.code, answer.text).toBe(200);
  return answer.json as unknown as List;
}

const namesOf = ({ items }: List): string[] => items.map(({ metadata }) => metadata.name!);
const write = (name: string, data: Record<string, string> = {}, namespace = "default"): KubeObject => {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels: { at: name } }, data };
  const key = { resource: "configmaps", namespace, name };
  return api.store.get(key) ? api.store.update("configmaps", object) : api.store.create("configmaps", object);
};
const remove = (name: string): void => void api.store.delete({ resource: "configmaps", namespace: "default", name });

describe("chunks", () => {
  test("show one version, whatever changes between them", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) write(name, { old: "yes" });
    const first = await list("limit=2");
    expect([namesOf(first), first.metadata.remainingItemCount]).toEqual([["a", "b"], 3]);
    remove("b");
    remove("d");
    write("e", { old: "no" });
    write("bb");
    const second = await list(`limit=2&continue=${first.metadata.continue}`);
    expect([namesOf(second), second.metadata.remainingItemCount]).toEqual([["c", "d"], 1]);
    const third = await list(`limit=2&continue=${second.metadata.continue}`);
    expect(third.items).toMatchObject([{ metadata: { name: "e" }, data: { old: "yes" } }]);
    expect(third.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });
    expect(namesOf(await list(""))).toEqual(["a", "bb", "c", "e"]);
  });

  test("a long list is sent in pieces and is whole: of many, of large ones, of all letters, and when it changes meanwhile", async () => {
    for (let i = 0; i < 300; i++) write(`c${String(i).padStart(3, "0")}`, { text: "ä€🙂".repeat(i * 5) });
    write("large", { text: "x".repeat(900_000) });
    const expected = api.store.list("configmaps").items;
    const answer = api.call(CONFIGS);
    for (let i = 0; i < 300; i += 2) write(`c${String(i).padStart(3, "0")}`, { text: "later" });
    const before = (await answer).json as unknown as List;
    const now = api.store.list("configmaps").items;
    expect([expected, now]).toContainEqual(before.items);
    expect((await list("")).items).toEqual(now);
    const head = await api.call(CONFIGS, { method: "HEAD" });
    expect([head.code, head.text]).toEqual([200, ""]);
    // Who leaves in the middle harms nobody.
    (await api.open(CONFIGS)).destroy();
    expect((await list("limit=1")).items).toHaveLength(1);
  });

  test("across namespaces, and with a selector no count", async () => {
    api.store.create("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } });
    write("b", {}, "n");
    write("a");
    write("b");
    const first = await list("limit=2", "/api/v1/configmaps");
    expect(namesOf(await list(`continue=${first.metadata.continue}`, "/api/v1/configmaps"))).toEqual(["b"]);
    const some = await list("limit=1&labelSelector=at");
    expect([some.metadata.continue !== undefined, some.metadata.remainingItemCount]).toEqual([true, undefined]);
  });

  test("that come too late are told how to go on all the same", async () => {
    for (const name of ["a", "b", "c"]) write(name);
    const first = await list("limit=1");
    for (let x = 0; x < 3 * HISTORY_MAX; x++) write("b", { x: String(x) });
    const { json } = await api.call(`${CONFIGS}?continue=${first.metadata.continue}`);
    expect(json).toMatchObject({
      code: 410,
      reason: "Expired",
      message: expect.stringMatching(
        /^The provided continue parameter is too old to display a consistent list result\./,
      ),
    });
    const next = (json["metadata"] as { continue: string }).continue;
    expect(namesOf(await list(`continue=${next}`))).toEqual(["b", "c"]);
  });

  test.each([
    ["continue=x", 400, "invalid continue token: continue key is not valid"],
    ["continue=e30", 400, /server does not recognize this encoded version/],
    [
      `continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":0,"start":"a/b"}').toString("base64url")}`,
      400,
      /incorrect encoded start/,
    ],
    [
      `continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"../b/c"}').toString("base64url")}`,
      400,
      /start key empty/,
    ],
    ["continue=x&resourceVersion=1", 400, "specifying resource version is not allowed when using continue"],
    ["limit=x", 400, 'limit: Invalid value: "x": must be an integer'],
    ["resourceVersion=-1", 400, /must be a decimal number/],
    [
      "resourceVersionMatch=Exact",
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    ["resourceVersionMatch=Exact&resourceVersion=0", 422, /"exact" is forbidden for resourceVersion "0"/],
    [
      "resourceVersionMatch=About&resourceVersion=1",
      422,
      /Unsupported value: "About": supported values: "Exact", "NotOlderThan", ""/,
    ],
    ["sendInitialEvents=true", 422, /sendInitialEvents is forbidden for list/],
    ["watch=1&sendInitialEvents=true", 422, /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/],
    ["watch=1&resourceVersionMatch=NotOlderThan", 422, /forbidden for watch unless sendInitialEvents is provided/],
    ["watch=1&resourceVersion=x", 400, /must be a decimal number/],
    ["watch=1&timeoutSeconds=soon", 400, /must be an integer/],
  ])("%s is refused", async (query, code, message) => {
    const { json } = await api.call(`${CONFIGS}?${query}`);
    expect(json).toMatchObject({ code });
    if (typeof message === "string") expect(json["message"]).toBe(message);
    else expect(json["message"]).toMatch(message);
  });
});

describe("versions", () => {
  test("exactly, at least, any, and none that has not come", async () => {
    const { resourceVersion } = write("a").metadata;
    write("b");
    expect(namesOf(await list(`resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`))).toEqual(["a"]);
    expect(namesOf(await list(`resourceVersion=${resourceVersion}&limit=5`))).toEqual(["a"]);
    expect(namesOf(await list(`resourceVersion=${resourceVersion}`))).toEqual(["a", "b"]);
    expect(namesOf(await list("resourceVersion=0"))).toEqual(["a", "b"]);
    for (const query of ["", "&watch=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan"]) {
      expect((await api.call(`${CONFIGS}?resourceVersion=99999${query}`)).json).toMatchObject({
        code: 504,
        reason: "Timeout",
      });
    }
    expect((await api.call(`${CONFIGS}/a?resourceVersion=99999`)).json).toMatchObject({ code: 504 });
    for (let x = 0; x < 3 * HISTORY_MAX; x++) write("b", { x: String(x) });
    expect(
      (await api.call(`${CONFIGS}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`)).json,
    ).toMatchObject({
      code: 410,
      message: "The resourceVersion for the provided list is too old.",
    });
  });
});

describe("watches", () => {
  test("begin with what is there, or not", async () => {
    write("a");
    const initial = await api.watch(
      `${CONFIGS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion=1`,
    );
    expect(await initial.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "a" } } });
    expect(await initial.next()).toMatchObject({ type: "BOOKMARK" });
    const without = await api.watch(`${CONFIGS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan`);
    write("b");
    for (const stream of [initial, without]) {
      expect(await stream.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "b" } } });
    }
  });

  test("what leaves the selector goes as it was last seen, at the version of the change", async () => {
    const stream = await api.watch(`${CONFIGS}?watch=1&labelSelector=at%3Da`);
    write("a", { old: "yes" });
    await stream.next();
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" }, data: {} };
    const { resourceVersion } = api.store.update("configmaps", object).metadata;
    expect(await stream.next()).toMatchObject({
      type: "DELETED",
      object: { data: { old: "yes" }, metadata: { resourceVersion } },
    });
  });

  test("who reads nothing is cut off, who reads late gets all", async () => {
    const data = { text: "x".repeat(1000) };
    const [lazy, late] = await Promise.all([api.watch(`${CONFIGS}?watch=1`), api.watch(`${CONFIGS}?watch=1`)]);
    lazy.response.pause();
    for (let x = 0; x < 9000; x++) write("a", { ...data, x: String(x) });
    for (let x = 0; x < 9000; x++) {
      const { object } = await late.next();
      expect((object["data"] as { x: string }).x).toBe(String(x));
    }
    for (let x = 0; x < 5000; x++) write("a", { ...data, x: `b${x}` });
    const closed = new Promise((resolve) => lazy.response.on("close", resolve).on("error", () => {}));
    lazy.response.resume();
    await closed;
    expect(lazy.response.complete).toBe(false);
  });

  test("of a name in the path are no watches", async () => {
    write("a");
    expect((await api.call(`${CONFIGS}/a?watch=true`)).json).toMatchObject({ kind: "ConfigMap" });
  });
});

describe("forms", () => {
  test("metadata only, of one, of many, and in a watch", async () => {
    write("a", { k: "v" });
    const one = (await api.call(`${CONFIGS}/a`, { accept: PARTIAL })).json;
    expect(one).toMatchObject({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: { name: "a" } });
    expect(one["data"]).toBeUndefined();
    const many = await api.call(CONFIGS, {
      accept: PARTIAL.replace("Metadata", "MetadataList").replace("v1", "v1beta1"),
    });
    expect(many.json).toMatchObject({
      kind: "PartialObjectMetadataList",
      apiVersion: "meta.k8s.io/v1beta1",
      items: [{ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1beta1" }],
    });
    const stream = await api.watch(`${CONFIGS}?watch=1`, PARTIAL);
    expect(await stream.next()).toMatchObject({ object: { kind: "PartialObjectMetadata" } });
    for (const [path, accept] of [
      [CONFIGS, PARTIAL],
      [`${CONFIGS}/a`, PARTIAL.replace("Metadata", "MetadataList")],
    ]) {
      expect((await api.call(path!, { accept: accept! })).json).toMatchObject({ code: 406, reason: "NotAcceptable" });
    }
  });

  test("the first that the client prefers and the server has", async () => {
    write("a", { k: "v" });
    const asked = async (accept: string, path = `${CONFIGS}/a`) => {
      const { code, headers, text } = await api.call(path, { accept });
      return [code, headers["content-type"], text.slice(0, 16)];
    };
    const json = [200, "application/json", '{"apiVersion":"v'];
    expect(await asked("*/*")).toEqual(json);
    expect(await asked("application/vnd.kubernetes.protobuf,application/json")).toEqual(json);
    expect(await asked("application/yaml;q=0.5,application/json;q=0.9")).toEqual(json);
    expect(await asked("application/json;as=Chair;g=meta.k8s.io;v=v1,application/*")).toEqual(json);
    expect(await asked("application/yaml")).toEqual([200, "application/yaml", "apiVersion: v1\nd"]);
    expect(await asked("application/yaml", `${CONFIGS}/none`)).toEqual([404, "application/yaml", "apiVersion: v1\nc"]);
    expect((await api.call(CONFIGS, { accept: "text/html" })).json).toMatchObject({
      code: 406,
      reason: "NotAcceptable",
      message: "only the following media types are accepted: application/json, application/yaml",
    });
    const refused = await api.call(`${CONFIGS}?watch=1`, { accept: "application/yaml" });
    expect([refused.code, refused.text]).toEqual([
      406,
      expect.stringContaining("accepted: application/json;stream=watch"),
    ]);
    const created = { method: "POST", body: { metadata: { name: "b" } }, accept: "image/png" };
    expect([(await api.call(CONFIGS, created)).code, (await api.call(`${CONFIGS}/b`)).code]).toEqual([406, 404]);
  });

  test("with line breaks for people", async () => {
    write("a");
    const lines = async (query: string, userAgent: string) =>
      (await api.call(`${CONFIGS}/a?${query}`, { userAgent })).text.split("\n").length > 1;
    expect(await lines("", "kubectl/v1.33")).toBe(false);
    expect(await lines("", "curl/8.0")).toBe(true);
    expect(await lines("pretty=false", "curl/8.0")).toBe(false);
    expect(await lines("pretty=true", "kubectl/v1.33")).toBe(true);
  });

  test("a table of a kind that does not exist is refused", async () => {
    const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
    expect((await api.call(`${CONFIGS}?includeObject=Half`, { accept })).json).toMatchObject({ code: 400 });
  });
});
