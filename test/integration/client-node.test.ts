/** The official JavaScript client at a real node over HTTPS, as a program uses it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

import type { V1ConfigMap, V1Pod, V1Status } from "@kubernetes/client-node";
import {
  ApiException,
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  Metrics,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  VersionApi,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";

import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

const namespace = "default";

let node: TestNode;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  node = await startTestNode();
  const kubeconfig = join(node.scratch, "kubeconfig");
  expect(await node.minke(["kubeconfig", "--output", kubeconfig])).toMatchObject({ code: 0 });
  config = new KubeConfig();
  config.loadFromString(readFileSync(kubeconfig, "utf8"));
  core = config.makeApiClient(CoreV1Api);
  const script = "echo one; echo two; exec nc -ll -p 8080 -e cat";
  const container = { name: "c", image: BUSYBOX, imagePullPolicy: "IfNotPresent", command: ["sh", "-c", script] };
  const body: V1Pod = { metadata: { name: "p" }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
  expect(await core.createNamespacedPod({ namespace, body })).toMatchObject({
    status: { phase: "Pending" },
  });
  await node.until("p", allRunning);
});
afterAll(async () => node[Symbol.asyncDispose]());

const configMap = (name: string, data: Record<string, string>, labels = {}): V1ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace, labels },
  data,
});

/** Resolves once `condition` is true; the test's own time limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(10);
}

test("typed create, read, replace, patch, list and delete, with dates as dates and errors as Statuses", async () => {
  const created = await core.createNamespacedConfigMap({ namespace, body: configMap("typed", { a: "1" }) });
  expect(created.metadata!.creationTimestamp).toBeInstanceOf(Date);
  const twice = core.createNamespacedConfigMap({ namespace, body: configMap("typed", {}) });
  const error = await twice.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApiException);
  const { code, body } = error as ApiException<string>;
  expect([code, JSON.parse(body)]).toMatchObject([409, { kind: "Status", reason: "AlreadyExists" }]);

  const replaced = await core.replaceNamespacedConfigMap({
    name: "typed",
    namespace,
    body: configMap("typed", { a: "2" }),
  });
  expect(replaced.data).toEqual({ a: "2" });
  const stale = core.replaceNamespacedConfigMap({ name: "typed", namespace, body: created });
  await expect(stale).rejects.toMatchObject({ code: 409 });

  for (const [strategy, patch] of [
    [PatchStrategy.JsonPatch, [{ op: "add", path: "/data/b", value: "json" }]],
    [PatchStrategy.MergePatch, { data: { c: "merge" } }],
    [PatchStrategy.StrategicMergePatch, { data: { d: "strategic" } }],
  ] as const) {
    const request = { name: "typed", namespace, body: patch };
    await core.patchNamespacedConfigMap(request, setHeaderOptions("Content-Type", strategy));
  }
  const listed = await core.listNamespacedConfigMap({ namespace, fieldSelector: "metadata.name=typed" });
  expect(listed.items.map(({ data }) => data)).toEqual([{ a: "2", b: "json", c: "merge", d: "strategic" }]);
  expect(await core.deleteNamespacedConfigMap({ name: "typed", namespace })).toMatchObject({ status: "Success" });
  await expect(core.readNamespacedConfigMap({ name: "typed", namespace })).rejects.toMatchObject({ code: 404 });
});

test("server-side apply, with its conflict and its force", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const apply = async (value: string, manager: string, force: boolean): Promise<V1ConfigMap> =>
    objects.patch(
      configMap("applied", { a: value }),
      undefined,
      undefined,
      manager,
      force,
      PatchStrategy.ServerSideApply,
    );
  expect((await apply("1", "first", false)).data).toEqual({ a: "1" });
  await expect(apply("2", "second", false)).rejects.toMatchObject({ code: 409 });
  const { data, metadata } = await apply("2", "second", true);
  expect(data).toEqual({ a: "2" });
  expect(metadata!.managedFields!.map(({ manager, operation }) => [manager, operation])).toContainEqual([
    "second",
    "Apply",
  ]);
});

test("an informer has what is there, and hears of all that comes and goes", async () => {
  const labelSelector = "heard=yes";
  const heard: string[] = [];
  const informer = makeInformer<V1ConfigMap>(
    config,
    `/api/v1/namespaces/${namespace}/configmaps`,
    async () => core.listNamespacedConfigMap({ namespace, labelSelector }),
    labelSelector,
  );
  for (const event of ["add", "update", "delete"] as const) {
    informer.on(event, ({ metadata }) => void heard.push(`${event} ${metadata!.name}`));
  }
  const labelled = (name: string, data = {}): V1ConfigMap => configMap(name, data, { heard: "yes" });
  await core.createNamespacedConfigMap({ namespace, body: labelled("before") });
  await informer.start();
  try {
    await until(() => heard.includes("add before"));
    await core.createNamespacedConfigMap({ namespace, body: labelled("after") });
    await until(() => heard.includes("add after"));
    await core.replaceNamespacedConfigMap({ name: "after", namespace, body: labelled("after", { a: "1" }) });
    await until(() => heard.includes("update after"));
    expect(informer.get("after", namespace)?.data).toEqual({ a: "1" });
    await core.deleteNamespacedConfigMap({ name: "before", namespace });
    await until(() => heard.includes("delete before"));
    expect(informer.list().map(({ metadata }) => metadata!.name)).toEqual(["after"]);
  } finally {
    await informer.stop();
  }
});

test("watch from a version tells what came after it, once", async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  await core.createNamespacedConfigMap({ namespace, body: configMap("watched", {}) });
  const events: string[] = [];
  const ended = Promise.withResolvers<unknown>();
  const watch = new Watch(config);
  const controller = await watch.watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { resourceVersion: metadata!.resourceVersion, allowWatchBookmarks: true, timeoutSeconds: 30 },
    (type, object: V1ConfigMap) => void events.push(`${type} ${object.metadata?.name ?? ""}`.trim()),
    ended.resolve,
  );
  await until(() => events.includes("ADDED watched"));
  await core.deleteNamespacedConfigMap({ name: "watched", namespace });
  await until(() => events.includes("DELETED watched"));
  expect(events.filter((event) => event !== "BOOKMARK")).toEqual(["ADDED watched", "DELETED watched"]);
  controller.abort();
  await ended.promise;
});

test("exec: input, output, errors and the exit code", async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const status = Promise.withResolvers<V1Status>();
  const command = ["sh", "-c", "read line; echo got $line; echo bad >&2; exit 7"];
  const socket = await new Exec(config).exec(
    namespace,
    "p",
    "c",
    command,
    stdout,
    stderr,
    stdin,
    false,
    status.resolve,
  );
  stdin.write("hello\n");
  expect(await status.promise).toMatchObject({
    status: "Failure",
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: "7" }] },
  });
  socket.close();
  stdout.end();
  stderr.end();
  expect([await text(stdout), await text(stderr)]).toEqual(["got hello\n", "bad\n"]);
});

test("log: what is there, and its end", async () => {
  expect(await core.readNamespacedPodLog({ name: "p", namespace })).toBe("one\ntwo\n");
  expect(await core.readNamespacedPodLog({ name: "p", namespace, tailLines: 1 })).toBe("two\n");
});

test("port-forward carries bytes both ways", async () => {
  const forward = new PortForward(config);
  const server = createServer((socket) => {
    void forward.portForward(namespace, "p", [8080], socket, null, socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").setEncoding("utf8");
    let seen = "";
    socket.on("data", (chunk: string) => (seen += chunk));
    socket.write("over and back\n");
    await until(() => seen === "over and back\n");
    socket.destroy();
  } finally {
    server.close();
  }
});

test("metrics and version", async () => {
  const { items } = await new Metrics(config).getPodMetrics(namespace);
  expect(items).toContainEqual(
    expect.objectContaining({ metadata: expect.objectContaining({ name: "p" }), containers: [expect.anything()] }),
  );
  expect(await config.makeApiClient(VersionApi).getCode()).toMatchObject({ major: "1" });
});

test("a log that is followed ends with its container", async () => {
  const stream = new PassThrough();
  await new Log(config).log(namespace, "p", "c", stream, { follow: true });
  await core.deleteNamespacedPod({ name: "p", namespace });
  expect(await text(stream)).toBe("one\ntwo\n");
});
