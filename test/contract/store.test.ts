/** What every store keeps to, and what the one on disk adds. Needs neither root nor Linux. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store, StoreEvent } from "../../src/store/store.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "minke-store-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const path = (): string => join(folder, "store.db");

const object = (name: string, fields: object = {}, namespace = "default"): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace, uid: `uid-${name}` },
  ...fields,
});
const key = (name: string) => ({ resource: "pods", namespace: "default", name });
const brief = (events: readonly StoreEvent[]): string[] =>
  events.map((event) => `${event.type} ${event.object.metadata.name} ${event.resourceVersion}`);
const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return { code: (error as { code: string }).code, message: (error as Error).message };
  }
  return "did not throw";
};

const STORES: readonly [string, (historyMax?: number) => Store][] = [
  ["memory", (historyMax) => createMemoryStore(historyMax === undefined ? {} : { historyMax })],
  ["sqlite", (historyMax) => openSqliteStore({ path: path(), ...(historyMax === undefined ? {} : { historyMax }) })],
];

describe.each(STORES)("%s store", (_name, open) => {
  test("creates, reads, lists in order, and counts versions over all resources", () => {
    using store = open();
    expect(store.list("pods")).toEqual({ items: [], resourceVersion: "0" });
    expect(store.create("pods", object("b")).metadata.resourceVersion).toBe("1");
    store.create("configmaps", object("c"));
    store.create("pods", object("a", { spec: { x: 1 } }), "async");
    store.create("pods", object("a", {}, "aardvark"));
    expect(store.version()).toBe("4");
    expect(store.get(key("a"))).toEqual(
      object("a", { metadata: { ...object("a").metadata, resourceVersion: "3" }, spec: { x: 1 } }),
    );
    expect(store.get(key("c"))).toBeUndefined();
    const names = (namespace?: string) =>
      store.list("pods", namespace).items.map((o) => `${o.metadata.namespace}/${o.metadata.name}`);
    expect(names()).toEqual(["aardvark/a", "default/a", "default/b"]);
    expect(names("default")).toEqual(["default/a", "default/b"]);
    expect(names("def")).toEqual([]);
  });

  test("what has to last is told to be on the disk after a sync, what need not at once", async () => {
    using store = open();
    store.create("leases", object("l"), "async");
    expect(store.durableVersion()).toBe("1");
    store.create("pods", object("a"));
    store.create("leases", object("m"), "async");
    expect(store.durableVersion()).toBe("1");
    const synced = store.synced();
    store.create("pods", object("b"));
    await synced;
    expect(Number(store.durableVersion())).toBeLessThan(4);
    await store.synced();
    expect(store.durableVersion()).toBe("4");
    expect(Number(store.durableVersion())).toBe(Number(store.version()));
  });

  test("refuses what collides, is gone, or was changed by someone else", () => {
    using store = open();
    const first = store.create("pods", object("a"));
    store.update("pods", { ...first, spec: { x: 1 } });
    expect(codeOf(() => store.create("pods", object("a")))).toEqual({
      code: "AlreadyExists",
      message: 'pods "a" already exists',
    });
    expect(codeOf(() => store.update("pods", object("z")))).toEqual({
      code: "NotFound",
      message: 'pods "z" not found',
    });
    expect(codeOf(() => store.update("pods", { ...first, spec: { x: 2 } }))).toMatchObject({ code: "Conflict" });
    expect(
      codeOf(() =>
        store.update("pods", { ...object("a"), metadata: { name: "a", namespace: "default", uid: "other" } }),
      ),
    ).toMatchObject({ code: "Conflict" });
    expect(codeOf(() => store.delete(key("a"), { uid: "other" }))).toMatchObject({ code: "Conflict" });
    expect(codeOf(() => store.delete(key("z")))).toEqual({ code: "NotFound", message: 'pods "z" not found' });
    expect(store.version()).toBe("2");
  });

  test("writes nothing when nothing changed", () => {
    using store = open();
    const first = store.create("pods", object("a", { spec: { x: 1, y: [1, { z: 2 }] } }));
    const events: StoreEvent[] = [];
    using _watch = store.watch("pods", (event) => events.push(event));
    const same = { ...object("a"), status: undefined, spec: { y: [1, { z: 2 }], x: 1 } };
    expect(store.update("pods", same)).toBe(first);
    expect(store.version()).toBe("1");
    expect(events).toEqual([]);
  });

  test("hands out data that nobody can change, and keeps none that somebody may", () => {
    using store = open();
    const labels: Record<string, string> = JSON.parse('{"a":"1","__proto__":"x"}') as Record<string, string>;
    const stored = store.create("pods", { ...object("a"), metadata: { name: "a", namespace: "default", labels } });
    labels["a"] = "2";
    expect(JSON.stringify(store.get(key("a"))!.metadata.labels)).toBe('{"a":"1","__proto__":"x"}');
    expect(() => ((stored.metadata as { name: string }).name = "b")).toThrow(TypeError);
  });

  test("watches from now, from a version, and until disposed", () => {
    using store = open();
    const a = store.create("pods", object("a"));
    store.create("configmaps", object("c"));
    const changed = store.update("pods", { ...a, spec: { x: 1 } });
    const now: StoreEvent[] = [];
    const all: StoreEvent[] = [];
    const watch = store.watch("pods", (event) => now.push(event));
    using _all = store.watch("pods", (event) => all.push(event), "0");
    const last = store.delete(key("a"));
    watch[Symbol.dispose]();
    store.create("pods", object("b"));
    expect(brief(now)).toEqual(["DELETED a 4"]);
    expect(brief(all)).toEqual(["ADDED a 1", "MODIFIED a 3", "DELETED a 4", "ADDED b 5"]);
    expect(all[1]).toEqual({ type: "MODIFIED", resource: "pods", object: changed, previous: a, resourceVersion: "3" });
    expect(all[2]!.object).toEqual(last);
    expect(last.metadata.resourceVersion).toBe("4");
    expect(last["spec"]).toEqual({ x: 1 });
  });

  test("delivers in order when a listener writes or starts to watch", () => {
    using store = open();
    const first: string[] = [];
    const second: string[] = [];
    const late: string[] = [];
    const note = (into: string[]) => (event: StoreEvent) => void into.push(event.resourceVersion);
    using _first = store.watch("pods", (event) => {
      if (event.type === "ADDED") {
        store.update("pods", { ...event.object, spec: { seen: true } });
        store.watch("pods", note(late), "0");
      }
      note(first)(event);
    });
    using _second = store.watch("pods", note(second));
    store.create("pods", object("a"));
    expect([first, second, late]).toEqual([
      ["1", "2"],
      ["1", "2"],
      ["1", "2"],
    ]);
  });

  test("lists as it was at a version, as far as the history reaches", () => {
    using store = open(10);
    const a = store.create("pods", object("a", { spec: { x: 1 } }));
    store.create("pods", object("b"));
    store.create("configmaps", object("c"));
    store.update("pods", { ...a, spec: { x: 2 } });
    store.delete(key("b"));
    store.create("pods", object("b", { spec: { again: true } }));
    store.create("pods", object("z", {}, "other"));
    const at = (version: number, namespace?: string) => {
      const { items, resourceVersion } = store.list("pods", namespace, String(version));
      expect(resourceVersion).toBe(String(version));
      return items.map(({ metadata, spec }) => [metadata.name, metadata.resourceVersion, spec]);
    };
    expect(at(0)).toEqual([]);
    expect(at(1)).toEqual([["a", "1", { x: 1 }]]);
    expect(at(3)).toEqual([
      ["a", "1", { x: 1 }],
      ["b", "2", undefined],
    ]);
    expect(at(5)).toEqual([["a", "4", { x: 2 }]]);
    expect(at(7, "other")).toEqual([["z", "7", undefined]]);
    for (let x = 0; x < 40; x++) store.update("pods", object("a", { spec: { x } }));
    expect(codeOf(() => store.list("pods", undefined, "3"))).toMatchObject({ code: "ResourceExhausted" });
    expect(codeOf(() => store.list("pods", undefined, "999"))).toMatchObject({ code: "ResourceExhausted" });
  });

  test("says when a watch reaches back too far, lies ahead, or is no number", () => {
    using store = open(10);
    store.create("pods", object("a"));
    for (let x = 0; x < 40; x++) store.update("pods", object("a", { spec: { x } }));
    expect(codeOf(() => store.watch("pods", () => {}, "1"))).toMatchObject({ code: "ResourceExhausted" });
    expect(codeOf(() => store.watch("pods", () => {}, "42"))).toMatchObject({ code: "ResourceExhausted" });
    expect(codeOf(() => store.watch("pods", () => {}, "x"))).toMatchObject({ code: "InvalidArgument" });
    const events: StoreEvent[] = [];
    store.watch("pods", (event) => events.push(event), "31");
    expect(events.map((event) => event.resourceVersion)).toEqual(Array.from({ length: 10 }, (_, i) => String(32 + i)));
  });
});

describe("sqlite store on disk", () => {
  test("stays as large as what is in it, however much is written", () => {
    using store = openSqliteStore({ path: path(), historyMax: 200 });
    const bytes = (): number => statSync(path()).size + statSync(`${path()}-wal`).size;
    const body = { spec: { text: "x".repeat(1_000) } };
    const churn = (rounds: number): void => {
      for (let i = 0; i < rounds; i++) {
        const name = `pod-${i % 20}`;
        store.create("pods", object(name, body));
        store.update("pods", object(name, { ...body, status: { round: i } }), "async");
        store.create("events", object(`event-${i}`, body), "async");
        if (i >= 20) store.delete({ resource: "events", namespace: "default", name: `event-${i - 20}` });
        store.delete(key(name));
      }
      for (const { metadata } of store.list("events").items) {
        store.delete({ resource: "events", namespace: "default", name: metadata.name! });
      }
    };
    churn(1_000);
    const settled = bytes();
    churn(2_000);
    expect(bytes()).toBeLessThan(settled * 1.3);
    // The checkpoint of the WAL at 4,000 pages bounds it; 200 versions and 40 objects are under a megabyte.
    expect(bytes()).toBeLessThan(20 * 1024 * 1024);
    expect(store.list("events").items).toEqual([]);
  });

  const open = (historyMax?: number): Store =>
    openSqliteStore({ path: path(), ...(historyMax === undefined ? {} : { historyMax }) });

  test("has everything after a restart, the history too", () => {
    {
      using store = open();
      store.create("pods", object("a", { spec: { x: 1 } }));
      store.update("pods", object("a", { spec: { x: 2 } }), "async");
      store.create("pods", object("b"));
      store.delete(key("b"));
    }
    using store = open();
    expect(store.version()).toBe("4");
    expect(store.list("pods").items.map((o) => o["spec"])).toEqual([{ x: 2 }]);
    const events: StoreEvent[] = [];
    store.watch("pods", (event) => events.push(event), "1");
    expect(brief(events)).toEqual(["MODIFIED a 2", "ADDED b 3", "DELETED b 4"]);
    expect(events[0]!.previous?.["spec"]).toEqual({ x: 1 });
  });

  test("remembers across restarts how far the history reaches", () => {
    {
      using store = open(5);
      store.create("pods", object("a"));
      for (let x = 0; x < 20; x++) store.update("pods", object("a", { spec: { x } }));
    }
    using store = open(5);
    expect(codeOf(() => store.watch("pods", () => {}, "3"))).toMatchObject({ code: "ResourceExhausted" });
  });

  test("does not lose a returned write or reuse a version when the process is killed", async () => {
    const module = new URL("../../src/store/sqlite.ts", import.meta.url).href;
    const script = `
      import { openSqliteStore } from ${JSON.stringify(module)};
      import { writeSync } from "node:fs";
      const store = openSqliteStore({ path: process.argv[1] });
      for (let i = 0; ; i++) {
        const made = store.create("pods", { apiVersion: "v1", kind: "Pod", metadata: { name: "p" + Date.now() + "-" + i, namespace: "default" } }, i % 2 ? "sync" : "async");
        writeSync(1, made.metadata.name + " " + made.metadata.resourceVersion + "\\n");
      }`;
    const written: string[] = [];
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script, path()], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => {
        out += chunk.toString();
        if (out.split("\n").length > 50) child.kill("SIGKILL");
      });
      await once(child, "close");
      written.push(...out.split("\n").slice(0, -1));
    }
    using store = open();
    const versions = written.map((line) => Number(line.split(" ")[1]));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(versions.length);
    const missing = written.filter(
      (line) => store.get(key(line.split(" ")[0]!))?.metadata.resourceVersion !== line.split(" ")[1],
    );
    expect(missing).toEqual([]);
    expect(Number(store.version())).toBeGreaterThan(versions.at(-1)!);
  });

  test("says what is wrong with a file that is no store, and leaves it alone", () => {
    const reasonOf = (): unknown => codeOf(() => open());
    writeFileSync(path(), "not a database, just text that somebody put there\n".repeat(100));
    expect(reasonOf()).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("not an SQLite database; move it"),
    });
    rmSync(path());
    const other = new DatabaseSync(path());
    other.exec("CREATE TABLE t (x)");
    other.close();
    expect(reasonOf()).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("another program"),
    });
    rmSync(path());
    open()[Symbol.dispose]();
    const newer = new DatabaseSync(path());
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    expect(reasonOf()).toMatchObject({ code: "FailedPrecondition", message: expect.stringContaining("newer") });
    expect(codeOf(() => openSqliteStore({ path: join(folder, "none", "store.db") }))).toMatchObject({
      code: "FailedPrecondition",
    });
  });

  test("finds damage when it opens", () => {
    {
      using store = open();
      for (let i = 0; i < 200; i++) store.create("pods", object(`p${i}`, { spec: { text: "x".repeat(500) } }), "async");
    }
    const garbage = Buffer.alloc(100_000, 0xa5);
    const file = new DatabaseSync(path());
    file.exec("PRAGMA journal_mode = DELETE");
    file.close();
    const fd = openSync(path(), "r+");
    writeSync(fd, garbage, 0, garbage.length, 40_000);
    closeSync(fd);
    expect(codeOf(open)).toMatchObject({ code: "FailedPrecondition", message: expect.stringContaining("damaged") });
  });

  test("belongs to one process", () => {
    using _store = open();
    expect(codeOf(open)).toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringContaining("another process uses it"),
    });
  });
});
