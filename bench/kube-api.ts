/**
 * `npm run bench:api`: how fast the Kubernetes API is, over the unix socket and with nothing behind it that runs Pods, and
 * beside it the same writes to etcd in the same run. Prints a table, writes bench/results/api-<time>.{json,md}, and with
 * --readme the table into README.md. Needs no root. Usage: npm run bench:api [-- --quick] [--only=batch] [--readme]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { call, readBytes } from "./api.ts";
import { startHttpRelay } from "../test/fixtures/http-relay.ts";
import { kubectlEnv, kubectls } from "../test/fixtures/kubectl.ts";
import { buildApi, startApi } from "./api-process.ts";
import { startEtcd } from "./etcd.ts";
import { median, percentile } from "./figures.ts";
import { memoryKb, run, timed } from "./process.ts";
import { machine, report } from "./report.ts";

const QUICK = process.argv.includes("--quick");
const ROUNDS = QUICK ? 20 : 100;
/** Writes per batch and clients that write at once. */
const BATCH = QUICK ? 2_000 : 5_000;
const CLIENTS = 64;
const WATCHERS = 100;
const APPLIED = 100;
/** Of etcd's client and peer side. */
const ETCD_PORTS = [22_379, 22_380] as const;

interface Row {
  readonly what: string;
  readonly minke: number;
  readonly etcd?: number | undefined;
  readonly goal?: string;
}

await using undo = new AsyncDisposableStack();
const scratch = mkdtempSync(join(tmpdir(), "minke-bench-api-"));
undo.defer(() => rmSync(scratch, { recursive: true, force: true }));
const store = join(scratch, "store.db");
await buildApi();
const api = undo.use(await startApi(store));
const { socket, pid } = api;
const etcd = await startEtcd(join(scratch, "etcd"), ETCD_PORTS);
if (etcd) undo.use(etcd);
else console.error("etcd: not installed, left out");

const rows: Row[] = [];
const note = (row: Row): void => {
  rows.push(row);
  console.error(`${row.what}: ${row.minke.toFixed(2)}${row.etcd === undefined ? "" : `, etcd ${row.etcd.toFixed(2)}`}`);
};
const idleMb = memoryKb(pid, "Rss") / 1024;
const PARTS = { single, batch, fanOut, apply, applyByKubectl, lists };
const only = /^--only=(.*)$/.exec(process.argv.find((arg) => arg.startsWith("--only=")) ?? "")?.[1];
await warmUp();
for (const [name, part] of Object.entries(PARTS)) if (only === undefined || only === name) await part();
finish();

/** Compilers of both sides and the file's first pages are not what is asked. */
async function warmUp(): Promise<void> {
  await many(1_000, CLIENTS, (i) => createConfigMap("warm", i));
  await call(socket, "DELETE", "/api/v1/namespaces/default/configmaps");
  if (etcd) await many(1_000, CLIENTS, (i) => etcd.put(`warm-${i}`, textOf("warm", i)));
}

/** One call after the other. */
async function single(): Promise<void> {
  const pods = await each(ROUNDS, (i) => call(socket, "POST", "/api/v1/namespaces/default/pods", pod(`single-${i}`)));
  const theirs = etcd && (await each(ROUNDS, (i) => etcd.put(`single-${i}`, JSON.stringify(pod(`single-${i}`)))));
  note({ what: "create a Pod, durable (ms)", minke: median(pods)!, etcd: theirs && median(theirs)! });
  note({ what: "… 99th percentile", minke: percentile(pods, 99), etcd: theirs && percentile(theirs, 99) });
  const gets = await each(ROUNDS, (i) => call(socket, "GET", `/api/v1/namespaces/default/pods/single-${i}`));
  note({ what: "get a Pod (ms)", minke: median(gets)! });
  await call(socket, "DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0");
}

async function batch(): Promise<void> {
  const perSecond = async (write: (i: number) => Promise<unknown>): Promise<number> =>
    (BATCH / (await timed(() => many(BATCH, CLIENTS, write)))) * 1000;
  note({
    what: `durable creates of a ConfigMap, ${CLIENTS} clients at once (writes/s)`,
    minke: await perSecond((i) => createConfigMap("batch", i)),
    etcd: etcd && (await perSecond((i) => etcd.put(`batch-${i}`, textOf("batch", i)))),
    goal: "≥ 2,000",
  });
  note({
    what: "… updates of it",
    minke: await perSecond((i) =>
      call(socket, "PUT", `/api/v1/namespaces/default/configmaps/batch-${i}`, configMap(`batch-${i}`, "changed")),
    ),
    etcd: etcd && (await perSecond((i) => etcd.put(`batch-${i}`, textOf("batch", i)))),
    goal: "≥ 2,000",
  });
  await call(socket, "DELETE", "/api/v1/namespaces/default/configmaps");
}

/** From the moment at which the writer has its answer to the one at which the last of all watchers has the event. */
async function fanOut(): Promise<void> {
  let seen = 0;
  let lastMs = 0;
  let all = Promise.withResolvers<void>();
  const watchers = await Promise.all(
    Array.from({ length: WATCHERS }, () =>
      watchConfigMaps(() => {
        lastMs = performance.now();
        if (++seen === WATCHERS) all.resolve();
      }),
    ),
  );
  const late: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    [seen, all] = [0, Promise.withResolvers<void>()];
    await createConfigMap("watched", i);
    const answeredMs = performance.now();
    await all.promise;
    late.push(lastMs - answeredMs);
  }
  for (const end of watchers) end();
  note({ what: `write answered → last of ${WATCHERS} watchers has it (ms)`, minke: median(late)!, goal: "≤ 5" });
  note({ what: "… 99th percentile", minke: percentile(late, 99) });
}

async function apply(): Promise<void> {
  const one = (i: number): Promise<unknown> =>
    call(
      socket,
      "PATCH",
      `/api/v1/namespaces/default/pods/applied-${i}?fieldManager=bench`,
      pod(`applied-${i}`),
      "application/apply-patch+yaml",
    );
  note({
    what: `server-side apply of ${APPLIED} Pods, one by one (ms)`,
    minke: await timed(() => many(APPLIED, 1, one)),
  });
  note({ what: "… of the same again, nothing changes (ms)", minke: await timed(() => many(APPLIED, 1, one)) });
  await call(socket, "DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0");
}

/** The same by the real kubectl, which first reads what the API serves. */
async function applyByKubectl(): Promise<void> {
  const kubectl = kubectls().at(-1);
  if (kubectl === undefined) return console.error("kubectl: not installed, left out");
  await using relay = await startHttpRelay(socket);
  const list = {
    apiVersion: "v1",
    kind: "List",
    items: Array.from({ length: APPLIED }, (_, i) => pod(`applied-${i}`)),
  };
  const args = ["--server", relay.url, "--cache-dir", join(scratch, "kubectl"), "apply", "-f", "-"];
  const ms = await timed(() => run(kubectl, args, { input: JSON.stringify(list), env: kubectlEnv("/dev/null") }));
  note({ what: `kubectl apply of ${APPLIED} Pods (ms)`, minke: ms });
  await call(socket, "DELETE", "/api/v1/namespaces/default/pods?gracePeriodSeconds=0");
}

async function lists(): Promise<void> {
  let made = 0;
  for (const [count, goal] of [
    [1_000, "≤ 50"],
    [10_000, ""],
  ] as const) {
    await many(count - made, CLIENTS, (i) =>
      call(socket, "POST", "/api/v1/namespaces/default/pods", pod(`listed-${made + i}`)),
    );
    made = count;
    let bytes = 0;
    const times = await each(QUICK ? 7 : 15, async () => {
      bytes = await readBytes(socket, "/api/v1/pods");
    });
    note({
      what: `list ${count.toLocaleString("en")} Pods, ${(bytes / 1e6).toFixed(1)} MB (ms)`,
      minke: median(times)!,
      ...(goal === "" ? {} : { goal }),
    });
    if (count === 1_000) continue;
    const chunk = await each(QUICK ? 7 : 15, async () => void (await readBytes(socket, "/api/v1/pods?limit=500")));
    note({ what: `first 500 of ${count.toLocaleString("en")} Pods, as kubectl asks (ms)`, minke: median(chunk)! });
    note({
      what: `memory with ${count.toLocaleString("en")} Pods, after these lists (MB)`,
      minke: memoryKb(pid, "Rss") / 1024,
      goal: "≤ 200",
    });
  }
  await api[Symbol.asyncDispose]();
  const began = performance.now();
  await using again = await startApi(store);
  note({ what: "… start with them, until the API answers (ms)", minke: performance.now() - began });
  note({ what: "… memory after that start (MB)", minke: memoryKb(again.pid, "Rss") / 1024, goal: "≤ 200" });
  note({ what: "memory of the API with no objects (MB)", minke: idleMb });
}

function finish(): void {
  const shown = (x: number | undefined): string =>
    x === undefined ? "–" : x >= 100 ? Math.round(x).toLocaleString("en") : x.toFixed(2);
  let table = "| what | minke | etcd | goal |\n|---|---|---|---|\n";
  for (const { what, minke, etcd: theirs, goal = "" } of rows)
    table += `| ${what} | ${shown(minke)} | ${shown(theirs)} | ${goal} |\n`;
  report("api", `${machine()}; over the unix socket; ${ROUNDS} rounds.\n\n${table}`, { rows, rounds: ROUNDS });
}

/** Runs `work` with 0, 1, … below `count`, so many at a time. */
async function many(count: number, atOnce: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** The milliseconds of each call. */
async function each(count: number, work: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await timed(() => work(i)));
  return times;
}

function configMap(name: string, value = "x".repeat(200)): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { app: "bench" } }, data: { key: value } };
}

/** What etcd stores for the same object. */
function textOf(prefix: string, i: number): string {
  return JSON.stringify(configMap(`${prefix}-${i}`));
}

async function createConfigMap(prefix: string, i: number): Promise<unknown> {
  return call(socket, "POST", "/api/v1/namespaces/default/configmaps", configMap(`${prefix}-${i}`));
}

/** A Pod of the usual size: two containers with ports, resources, a probe and a volume. */
function pod(name: string): object {
  const container = (called: string, port: number): object => ({
    name: called,
    image: `localhost/${called}:1`,
    ports: [{ containerPort: port }],
    env: [{ name: "MODE", value: "production" }],
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    readinessProbe: { httpGet: { path: "/ready", port } },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "bench", tier: "web" } },
    spec: { containers: [container("web", 80), container("side", 81)], volumes: [{ name: "data", emptyDir: {} }] },
  };
}

/** Calls `onEvent` for each event from now on. Returns the end of it. */
async function watchConfigMaps(onEvent: () => void): Promise<() => void> {
  const path =
    "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0&sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, path, agent: false }, (response) => {
      response.on("data", (chunk: Buffer) => {
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) onEvent();
      });
      response.on("error", () => {});
      resolve(() => sent.destroy());
    });
    sent.on("error", reject);
    sent.end();
  });
}
