/** Every RPC of the CRI over the real socket, as a kubelet calls it, on a real node. */
import { readdirSync } from "node:fs";
import { readFile, rename, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MessageInitShape } from "@bufbuild/protobuf";

import {
  CgroupDriver,
  ContainerEventType,
  ContainerState,
  MetricType,
  NamespaceMode,
  PodSandboxState,
} from "../../src/server/cri/gen/runtime/v1/api_pb.ts";
import type { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/server/cri/gen/runtime/v1/api_pb.ts";
import { codeOf, criClient } from "../fixtures/cri-client.ts";
import type { CriClient } from "../fixtures/cri-client.ts";
import { BUSYBOX, startTestNode } from "../fixtures/node.ts";
import type { TestNode } from "../fixtures/node.ts";

let node: TestNode;
let cri: CriClient;
let serial = 0;

const connect = (): CriClient => criClient(join(node.state, "cri.sock"));

beforeAll(async () => {
  node = await startTestNode();
  cri = connect();
});

/** With the leak audit. */
afterAll(async () => {
  for (const { id } of (await cri.runtime.listPodSandbox()).items) {
    await cri.runtime.removePodSandbox({ podSandboxId: id });
  }
  cri[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

type PodConfig = MessageInitShape<typeof PodSandboxConfigSchema>;
type ContainerConfig = MessageInitShape<typeof ContainerConfigSchema>;

/** A Pod of a name of its own, as the kubelet describes one. */
function podConfig(more: Partial<Extract<PodConfig, { $typeName?: never }>> = {}): PodConfig {
  const name = `pod-${++serial}`;
  return {
    metadata: { name, uid: `uid-${serial}`, namespace: "default", attempt: 0 },
    hostname: name,
    logDirectory: join(node.scratch, "logs", name),
    labels: { app: name },
    annotations: { "example.com/note": "kept" },
    ...more,
  };
}

async function runPod(config: PodConfig = podConfig()): Promise<string> {
  return (await cri.runtime.runPodSandbox({ config })).podSandboxId;
}

function shell(script: string, more: Partial<Extract<ContainerConfig, { $typeName?: never }>> = {}): ContainerConfig {
  const name = `c${++serial}`;
  return {
    metadata: { name, attempt: 0 },
    image: { image: BUSYBOX },
    command: ["sh", "-c", script],
    logPath: `${name}/0.log`,
    ...more,
  };
}

async function create(podSandboxId: string, config: ContainerConfig): Promise<string> {
  return (await cri.runtime.createContainer({ podSandboxId, config })).containerId;
}

async function start(podSandboxId: string, config: ContainerConfig): Promise<string> {
  const containerId = await create(podSandboxId, config);
  await cri.runtime.startContainer({ containerId });
  return containerId;
}

async function text(containerId: string, ...cmd: string[]): Promise<string> {
  return Buffer.from((await cri.runtime.execSync({ containerId, cmd })).stdout).toString();
}

/** Waits for a fact, not for a time. */
async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("the runtime says what it is, and only what is true", async () => {
  expect(await cri.runtime.version({ version: "0.1.0" })).toMatchObject({
    version: "0.1.0",
    runtimeName: "minke",
    runtimeApiVersion: "v1",
  });
  const told = await cri.runtime.status({ verbose: true });
  expect(told.status?.conditions).toMatchObject([
    { type: "RuntimeReady", status: true },
    { type: "NetworkReady", status: true },
  ]);
  expect(told.runtimeHandlers.map(({ name }) => name)).toContain("");
  expect(JSON.parse(told.info["config"]!)).toMatchObject({ root: node.root });
  expect((await cri.runtime.status()).info).toEqual({});
  expect([CgroupDriver.CGROUPFS, CgroupDriver.SYSTEMD]).toContain(
    (await cri.runtime.runtimeConfig()).linux?.cgroupDriver,
  );
  await cri.runtime.updateRuntimeConfig({ runtimeConfig: {} });
  const cidr = { runtimeConfig: { networkConfig: { podCidr: "10.1.0.0/24" } } };
  expect(await codeOf(cri.runtime.updateRuntimeConfig(cidr))).toBe(status.FAILED_PRECONDITION);
  expect((await stat(join(node.state, "cri.sock"))).mode & 0o777).toBe(0o600);
});

test("a sandbox lives, stops and goes, and both are idempotent", async () => {
  const config = podConfig();
  const podSandboxId = await runPod(config);
  const { status: told, info } = await cri.runtime.podSandboxStatus({
    podSandboxId: podSandboxId.slice(0, 13),
    verbose: true,
  });
  expect(told).toMatchObject({
    id: podSandboxId,
    state: PodSandboxState.SANDBOX_READY,
    metadata: (config as { metadata: object }).metadata,
    annotations: { "example.com/note": "kept" },
  });
  expect(told!.network!.ip).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(told!.createdAt).toBeGreaterThan(0n);
  expect(JSON.parse(info["info"]!)).toHaveProperty("cgroupPath");
  // The answer of a call that a client did not hear is given again.
  expect(await runPod(config)).toBe(podSandboxId);
  expect((await cri.runtime.listPodSandbox({ filter: { id: podSandboxId } })).items).toHaveLength(1);
  const streamed = [];
  for await (const { podSandboxes } of cri.runtime.streamPodSandboxes({ filter: { id: podSandboxId } }))
    streamed.push(...podSandboxes);
  expect(streamed.map(({ id }) => id)).toEqual([podSandboxId]);
  const notReady = { state: PodSandboxState.SANDBOX_NOTREADY };
  expect((await cri.runtime.listPodSandbox({ filter: { id: podSandboxId, state: notReady } })).items).toEqual([]);
  expect((await cri.runtime.listPodSandbox({ filter: { labelSelector: { app: "other" } } })).items).toEqual([]);

  for (let i = 0; i < 2; i++) await cri.runtime.stopPodSandbox({ podSandboxId });
  expect((await cri.runtime.podSandboxStatus({ podSandboxId })).status?.state).toBe(PodSandboxState.SANDBOX_NOTREADY);
  expect(await codeOf(runPod(config))).toBe(status.ALREADY_EXISTS);
  for (let i = 0; i < 2; i++) await cri.runtime.removePodSandbox({ podSandboxId });
  expect(await codeOf(cri.runtime.podSandboxStatus({ podSandboxId }))).toBe(status.NOT_FOUND);
  await cri.runtime.removePodSandbox({ podSandboxId: await runPod(config) });
});

test("a container lives, logs, is told of, and ends", async () => {
  const podSandboxId = await runPod();
  const config = shell("echo hello; exec sleep 1000", {
    labels: { tier: "web" },
    envs: [{ key: "GREETING", value: Buffer.from("hi") }],
    mounts: [{ hostPath: node.scratch, containerPath: "/host", readonly: true, selinuxRelabel: true }],
    linux: { resources: { memoryLimitInBytes: 64n << 20n, cpuShares: 512n } },
  });
  const containerId = await create(podSandboxId, config);
  expect(await create(podSandboxId, config)).toBe(containerId);
  expect((await cri.runtime.containerStatus({ containerId })).status?.state).toBe(ContainerState.CONTAINER_CREATED);
  await cri.runtime.startContainer({ containerId });
  expect(await codeOf(create(podSandboxId, config))).toBe(status.ALREADY_EXISTS);
  const { status: told } = await cri.runtime.containerStatus({ containerId, verbose: true });
  expect(told).toMatchObject({
    state: ContainerState.CONTAINER_RUNNING,
    image: { image: BUSYBOX },
    labels: { tier: "web" },
    mounts: [{ hostPath: node.scratch, containerPath: "/host", readonly: true, selinuxRelabel: true }],
    resources: { linux: { memoryLimitInBytes: 64n << 20n, cpuShares: 512n } },
    user: { linux: { uid: 0n, gid: 0n } },
  });
  const { image } = await cri.images.imageStatus({ image: { image: BUSYBOX } });
  expect(told!.imageId).toBe(image!.id);
  expect(await eventually(async () => (await readFile(told!.logPath, "utf8")) || undefined)).toMatch(
    / stdout F hello\n$/,
  );
  expect(await text(containerId, "sh", "-c", "echo $GREETING")).toBe("hi\n");

  await rename(told!.logPath, `${told!.logPath}.1`);
  await cri.runtime.reopenContainerLog({ containerId });
  expect((await stat(told!.logPath)).size).toBe(0);

  await cri.runtime.updateContainerResources({ containerId, linux: { memoryLimitInBytes: 96n << 20n } });
  expect((await cri.runtime.containerStatus({ containerId })).status?.resources?.linux).toMatchObject({
    memoryLimitInBytes: 96n << 20n,
    cpuShares: 512n,
  });
  const filter = { podSandboxId, labelSelector: { tier: "web" }, state: { state: ContainerState.CONTAINER_RUNNING } };
  expect((await cri.runtime.listContainers({ filter })).containers).toMatchObject([
    { id: containerId, imageId: image!.id },
  ]);
  const streamed = [];
  for await (const { containers } of cri.runtime.streamContainers({ filter })) streamed.push(...containers);
  expect(streamed).toHaveLength(1);

  for (let i = 0; i < 2; i++) await cri.runtime.stopContainer({ containerId, timeout: 0n });
  expect((await cri.runtime.containerStatus({ containerId })).status).toMatchObject({
    state: ContainerState.CONTAINER_EXITED,
    exitCode: 137,
  });
  expect(await codeOf(cri.runtime.reopenContainerLog({ containerId }))).toBe(status.FAILED_PRECONDITION);
  for (let i = 0; i < 2; i++) await cri.runtime.removeContainer({ containerId });
  expect(await codeOf(cri.runtime.containerStatus({ containerId }))).toBe(status.NOT_FOUND);
});

test("execSync gives exact bytes and code, and ends what takes too long with all it has started", async () => {
  const podSandboxId = await runPod();
  const containerId = await start(podSandboxId, shell("exec sleep 1000"));
  const reply = await cri.runtime.execSync({ containerId, cmd: ["sh", "-c", "printf out; printf err >&2; exit 7"] });
  expect([Buffer.from(reply.stdout).toString(), Buffer.from(reply.stderr).toString(), reply.exitCode]).toEqual([
    "out",
    "err",
    7,
  ]);
  const slow = cri.runtime.execSync({ containerId, cmd: ["sh", "-c", "sleep 4321 & sleep 4321"], timeout: 1n });
  expect(await codeOf(slow)).toBe(status.DEADLINE_EXCEEDED);
  const gone = async (): Promise<boolean> => !(await text(containerId, "ps")).includes("4321");
  expect(await gone()).toBe(true);
  const leaving = new AbortController();
  const cancelled = cri.runtime.execSync({ containerId, cmd: ["sleep", "4321"] }, { signal: leaving.signal });
  cancelled.catch(() => {});
  await eventually(async () => !(await gone()));
  leaving.abort();
  expect(await codeOf(cancelled)).toBe(status.CANCELLED);
  await eventually(gone);
  const flood = ["sh", "-c", "head -c 40000000 /dev/zero; head -c 40000000 /dev/zero >&2"];
  const much = await cri.runtime.execSync({ containerId, cmd: flood });
  expect([much.stdout.length, much.exitCode]).toEqual([16_000_000, 0]);
});

test("streams are served at a URL, for what runs only", async () => {
  const podSandboxId = await runPod();
  const containerId = await start(podSandboxId, shell("exec sleep 1000"));
  const url = /^http:\/\/127\.0\.0\.1:\d+\/[a-z]+\/[\w-]+$/;
  expect((await cri.runtime.exec({ containerId, cmd: ["true"], stdout: true })).url).toMatch(url);
  expect((await cri.runtime.attach({ containerId, stdout: true })).url).toMatch(url);
  expect((await cri.runtime.portForward({ podSandboxId, port: [80] })).url).toMatch(url);
  for (const call of [
    cri.runtime.exec({ containerId, cmd: ["true"] }),
    cri.runtime.exec({ containerId, cmd: [], stdout: true }),
    cri.runtime.exec({ containerId, cmd: ["true"], tty: true, stdout: true, stderr: true }),
    cri.runtime.attach({ containerId, tty: true, stdout: true }),
    cri.runtime.portForward({ podSandboxId, port: [0] }),
  ]) {
    expect(await codeOf(call)).toBe(status.INVALID_ARGUMENT);
  }
  await cri.runtime.stopPodSandbox({ podSandboxId });
  expect(await codeOf(cri.runtime.exec({ containerId, cmd: ["true"], stdout: true }))).toBe(status.FAILED_PRECONDITION);
  expect(await codeOf(cri.runtime.portForward({ podSandboxId }))).toBe(status.FAILED_PRECONDITION);
});

test("statistics and metrics of containers and Pods", async () => {
  const podSandboxId = await runPod();
  const limits = {
    memoryLimitInBytes: 64n << 20n,
    memorySwapLimitInBytes: 64n << 20n,
    cpuQuota: 20_000n,
    cpuPeriod: 100_000n,
  };
  const containerId = await start(podSandboxId, shell("exec sleep 1000", { linux: { resources: limits } }));
  const { stats } = await cri.runtime.containerStats({ containerId });
  expect(stats?.attributes?.id).toBe(containerId);
  expect(stats?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(0n);
  expect(stats?.memory?.availableBytes?.value).toBeGreaterThan(0n);
  expect(stats?.writableLayer?.inodesUsed?.value).toBeGreaterThan(0n);
  const all = (await cri.runtime.listContainerStats()).stats.map(({ attributes }) => attributes?.id);
  expect(all).toContain(containerId);
  const pod = (await cri.runtime.podSandboxStats({ podSandboxId })).stats!.linux!;
  expect(pod.containers.map(({ attributes }) => attributes?.id)).toEqual([containerId]);
  expect(pod.network?.defaultInterface?.name).toBe("eth0");
  expect(pod.process?.processCount?.value).toBeGreaterThan(0n);
  expect((await cri.runtime.listPodSandboxStats({ filter: { id: podSandboxId } })).stats).toHaveLength(1);
  const streamed = { containers: 0, pods: 0, metrics: 0 };
  for await (const { containerStats } of cri.runtime.streamContainerStats())
    streamed.containers += containerStats.length;
  for await (const { podSandboxStats } of cri.runtime.streamPodSandboxStats()) streamed.pods += podSandboxStats.length;
  for await (const { podSandboxMetrics } of cri.runtime.streamPodSandboxMetrics())
    streamed.metrics += podSandboxMetrics.length;
  expect(Math.min(...Object.values(streamed))).toBeGreaterThan(0);

  const { descriptors } = await cri.runtime.listMetricDescriptors();
  const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
  const own = (await cri.runtime.listPodSandboxMetrics()).podMetrics.find(
    (each) => each.podSandboxId === podSandboxId,
  )!;
  const told = [...own.metrics, ...own.containerMetrics.flatMap(({ metrics }) => metrics)];
  for (const { name, labelValues } of told) expect(labelValues.length, name).toBe(keys.get(name)?.length);
  const series = told.map(({ name, labelValues }) => [name, ...labelValues].join("\0"));
  expect(new Set(series).size).toBe(series.length);
  // What a host may not have: block devices without a filter, pressure.
  const silent = /_pressure_|_blkio_|_fs_(reads|writes)_/;
  const missing = [...keys.keys()].filter((name) => !silent.test(name) && !told.some((metric) => metric.name === name));
  expect(missing).toEqual([]);
  expect(told.find(({ name }) => name === "container_spec_cpu_quota")).toMatchObject({
    metricType: MetricType.GAUGE,
    value: { value: 20_000n },
  });
});

test("events tell what happens to containers and sandboxes, with the Pod's status", async () => {
  const stream = cri.runtime.getContainerEvents();
  const seen: [string, ContainerEventType, string | undefined][] = [];
  const reading = (async () => {
    for await (const event of stream) {
      seen.push([event.containerId, event.containerEventType, event.podSandboxStatus?.metadata?.uid]);
    }
  })();
  reading.catch(() => {});
  const heard = async (id: string, type: ContainerEventType): Promise<unknown> =>
    await eventually(async () => seen.some(([eventId, eventType]) => eventId === id && eventType === type));
  const config = podConfig();
  // The stream begins some time after it was asked for: the first Pod that is heard of shows that it has.
  const first = await eventually(async () => {
    const podSandboxId = await runPod(podConfig());
    await cri.runtime.removePodSandbox({ podSandboxId });
    return seen.length > 0;
  });
  expect(first).toBe(true);
  const podSandboxId = await runPod(config);
  await heard(podSandboxId, ContainerEventType.CONTAINER_STARTED_EVENT);
  const containerId = await start(podSandboxId, shell("exit 0"));
  await heard(containerId, ContainerEventType.CONTAINER_CREATED_EVENT);
  await heard(containerId, ContainerEventType.CONTAINER_STARTED_EVENT);
  await heard(containerId, ContainerEventType.CONTAINER_STOPPED_EVENT);
  await cri.runtime.removePodSandbox({ podSandboxId });
  await heard(containerId, ContainerEventType.CONTAINER_DELETED_EVENT);
  await heard(podSandboxId, ContainerEventType.CONTAINER_DELETED_EVENT);
  const uid = (config as { metadata: { uid: string } }).metadata.uid;
  expect(seen.filter(([id]) => id === podSandboxId).every(([, , podUid]) => podUid === uid)).toBe(true);
  stream.cancel();
  expect(((await reading.catch((error: unknown) => error)) as ServiceError).code).toBe(status.CANCELLED);
});

test("images are listed, told of by any name, and removed whole", async () => {
  const { image } = await cri.images.imageStatus({ image: { image: BUSYBOX }, verbose: true });
  expect(image!.repoTags).toContain(BUSYBOX);
  expect(image!.size).toBeGreaterThan(0n);
  for (const name of [image!.id, ...image!.repoTags, ...image!.repoDigests]) {
    expect((await cri.images.imageStatus({ image: { image: name } })).image).toEqual(image);
  }
  const streamed = [];
  for await (const { images } of cri.images.streamImages()) streamed.push(...images);
  expect(streamed).toEqual((await cri.images.listImages()).images);
  const missing = { image: { image: "localhost/missing:1" } };
  expect((await cri.images.imageStatus(missing)).image).toBeUndefined();
  expect((await cri.images.listImages({ filter: missing })).images).toEqual([]);
  await cri.images.removeImage(missing);
  expect(await codeOf(cri.images.pullImage({ image: { image: "localhost:1/missing:1" } }))).not.toBe(status.OK);
  const handler = { image: BUSYBOX, runtimeHandler: "nothing" };
  expect(await codeOf(cri.images.pullImage({ image: handler }))).toBe(status.INVALID_ARGUMENT);
  const [fs] = (await cri.images.imageFsInfo()).imageFilesystems;
  expect(fs!.usedBytes!.value).toBeGreaterThan(0n);
  expect((await stat(fs!.fsId!.mountpoint)).isDirectory()).toBe(true);

  const name = "localhost/copy:1";
  await node.minke(["image", "tag", BUSYBOX, name]);
  expect((await cri.images.imageStatus({ image: { image: name } })).image?.id).toBe(image!.id);
});

test("limits of a sandbox with a cgroup of its own", async () => {
  const podSandboxId = await runPod();
  await cri.runtime.updatePodSandboxResources({ podSandboxId, resources: { memoryLimitInBytes: 128n << 20n } });
  const { stats } = await cri.runtime.podSandboxStats({ podSandboxId });
  expect(stats?.linux?.memory?.availableBytes?.value).toBeLessThanOrEqual(128n << 20n);
});

test("what can not be offered says so", async () => {
  for (const call of [
    cri.runtime.checkpointContainer({ containerId: "a" }),
    cri.runtime.checkpointPod({ podSandboxId: "a" }),
    cri.runtime.restorePod({ checkpointPath: "/a" }),
  ]) {
    expect(await codeOf(call)).toBe(status.UNIMPLEMENTED);
  }
});

test("what the engine made does not exist here", async () => {
  await node.create("mine", { containers: [{ name: "c", image: BUSYBOX, command: ["sleep", "1000"] }] });
  const pod = await node.until("mine", ({ status: told }) => told?.phase === "Running");
  const containerId = pod.status!.containerStatuses![0]!.containerID!.replace(/^.*:\/\//, "");
  expect(await codeOf(cri.runtime.containerStatus({ containerId }))).toBe(status.NOT_FOUND);
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  await cri.runtime.removeContainer({ containerId });
  expect((await cri.runtime.listContainers()).containers.map(({ id }) => id)).not.toContain(containerId);
  expect((await node.client.pods("default").get("mine")).status?.phase).toBe("Running");
  await node.remove("mine", 0);
});

test("bad requests are told by field", async () => {
  const podSandboxId = await runPod();
  const refused = async (call: Promise<unknown>, field: string): Promise<void> => {
    const error = (await call.catch((caught: unknown) => caught)) as ServiceError;
    expect([error.code, error.details]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining(field)]);
  };
  const metadata = { name: "n", uid: "u", namespace: "s" };
  const withOptions = (namespaceOptions: object): PodConfig => ({
    metadata,
    linux: { securityContext: { namespaceOptions } },
  });
  const mapping = [{ hostId: 1000, containerId: 1, length: 10 }];
  await refused(cri.runtime.runPodSandbox({}), "config");
  await refused(cri.runtime.runPodSandbox({ config: {} }), "config.metadata");
  await refused(cri.runtime.runPodSandbox({ config: { metadata: { ...metadata, uid: "" } } }), "config.metadata.uid");
  await refused(runPod({ metadata, logDirectory: "logs" }), "config.log_directory");
  await refused(
    runPod({ metadata, portMappings: [{ hostPort: 70_000, containerPort: 1 }] }),
    "config.port_mappings[0].host_port",
  );
  await refused(runPod(withOptions({ network: NamespaceMode.CONTAINER })), "namespace_options.network");
  await refused(runPod(withOptions({ pid: 9 as NamespaceMode })), "namespace_options.pid");
  await refused(runPod(withOptions({ usernsOptions: { uids: mapping, gids: mapping } })), "userns_options.uids");
  await refused(cri.runtime.runPodSandbox({ config: podConfig(), runtimeHandler: "nothing" }), "nothing");
  await refused(create(podSandboxId, {}), "config.metadata");
  await refused(create(podSandboxId, shell("", { image: {} })), "config.image.image");
  await refused(create(podSandboxId, shell("", { logPath: "../x" })), "config.log_path");
  await refused(
    create(podSandboxId, shell("", { envs: [{ key: "A", value: Buffer.from([0xff]) }] })),
    "config.envs[0].value",
  );
  await refused(
    create(podSandboxId, shell("", { mounts: [{ containerPath: "/a", hostPath: "/", recursiveReadOnly: true }] })),
    "recursive_read_only",
  );
  const context = (securityContext: object): ContainerConfig => shell("", { linux: { securityContext } });
  await refused(create(podSandboxId, context({ runAsGroup: { value: 1n } })), "run_as_group");
  await refused(create(podSandboxId, context({ privileged: true })), "privileged");
  await refused(create(podSandboxId, context({ seccomp: { profileType: 7 } })), "seccomp.profile_type");
  await refused(
    create(podSandboxId, context({ namespaceOptions: { pid: NamespaceMode.TARGET, targetId: "0" } })),
    "target_id",
  );
  await refused(cri.runtime.containerStatus({}), "container_id");
  await refused(cri.runtime.stopContainer({ containerId: "a", timeout: -1n }), "timeout");
  await refused(
    cri.runtime.listContainers({ filter: { state: { state: 9 as ContainerState } } }),
    "filter.state.state",
  );
  await refused(cri.runtime.execSync({ containerId: "a", cmd: [] }), "cmd");
  await refused(cri.images.pullImage({}), "image.image");
  await refused(
    cri.raw("/runtime.v1.RuntimeService/ContainerStatus", Buffer.from([0x0a, 0xff])),
    "ContainerStatusRequest",
  );
  expect(await codeOf(cri.runtime.startContainer({ containerId: "f".repeat(64) }))).toBe(status.NOT_FOUND);
  const huge = Buffer.alloc(17 << 20);
  expect(await codeOf(cri.raw("/runtime.v1.RuntimeService/ContainerStatus", huge))).toBe(status.RESOURCE_EXHAUSTED);
  expect(await codeOf(cri.raw("/runtime.v1.RuntimeService/NoSuchCall", Buffer.alloc(0)))).toBe(status.UNIMPLEMENTED);
});

test("a client that leaves in the middle leaves nothing half made, and its names are free", async () => {
  const config = podConfig();
  const leaving = new AbortController();
  const call = cri.runtime.runPodSandbox({ config }, { signal: leaving.signal });
  call.catch(() => {});
  leaving.abort();
  await codeOf(call);
  expect(await codeOf(cri.runtime.runPodSandbox({ config }, { deadline: Date.now() + 1 }))).toBe(
    status.DEADLINE_EXCEEDED,
  );
  const podSandboxId = await runPod(config);
  const { items } = await cri.runtime.listPodSandbox();
  const uid = (config as { metadata: { uid: string } }).metadata.uid;
  expect(items.filter(({ metadata }) => metadata?.uid === uid).map(({ id }) => id)).toEqual([podSandboxId]);
});

test("300 clients that say nothing do not disturb those that speak", async () => {
  const idle = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const socket = createConnection(join(node.state, "cri.sock"));
      await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
      return socket;
    }),
  );
  const clients = Array.from({ length: 50 }, connect);
  await Promise.all(clients.map(async (client) => await client.runtime.version()));
  expect((await cri.runtime.version()).runtimeName).toBe("minke");
  for (const socket of idle satisfies Socket[]) socket.destroy();
  for (const client of clients) client[Symbol.dispose]();
});

/** What the runtime has checkpoints of. */
const names = (folder: "sandboxes" | "containers"): readonly string[] => readdirSync(join(node.root, folder));

test("the daemon is killed in the middle of calls: the next identical call succeeds", async () => {
  const config = podConfig();
  const sandboxes = names("sandboxes");
  const half = runPod(config);
  half.catch(() => {});
  while (isDeepStrictEqual(names("sandboxes"), sandboxes)) await pause(1);
  await node.stop("SIGKILL");
  expect(await codeOf(half)).toBe(status.UNAVAILABLE);
  await node.start();
  cri[Symbol.dispose]();
  cri = connect();
  const podSandboxId = await runPod(config);
  const containerConfig = shell("exec sleep 1000");
  const containers = names("containers");
  const creating = create(podSandboxId, containerConfig);
  creating.catch(() => {});
  while (isDeepStrictEqual(names("containers"), containers)) await pause(1);
  await node.stop("SIGKILL");
  await creating.catch(() => {}); // it may have been quicker
  await node.start();
  cri[Symbol.dispose]();
  cri = connect();
  const containerId = await create(podSandboxId, containerConfig);
  await cri.runtime.startContainer({ containerId });
  const filter = { podSandboxId };
  expect((await cri.runtime.listContainers({ filter })).containers.map(({ id }) => id)).toEqual([containerId]);
  const stopping = cri.runtime.stopContainer({ containerId, timeout: 30n });
  stopping.catch(() => {});
  await node.stop("SIGKILL");
  await codeOf(stopping);
  await node.start();
  cri[Symbol.dispose]();
  cri = connect();
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  expect((await cri.runtime.containerStatus({ containerId })).status?.state).toBe(ContainerState.CONTAINER_EXITED);
});
