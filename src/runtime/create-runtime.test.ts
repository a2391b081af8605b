/** The runtime over the fake host: what every failure leaves behind, and what it asks of the programs. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { FakeClock } from "../base/clock.ts";
import { MinkeError } from "../base/errors.ts";
import { noLog } from "../base/logger.ts";
import { noTrace } from "../base/trace.ts";
import { createFakeHost, type FakeHost } from "../host/fake.ts";
import type { Command } from "../host/host.ts";
import { instanceOf } from "../host/instance.ts";
import { createRuntime, type DisposableRuntime } from "./create-runtime.ts";
import type { ContainerConfig, SandboxConfig } from "./runtime.ts";
import type { Attachment } from "./scope.ts";

let base: string;
let host: FakeHost;
let clock: FakeClock;
let connected: Set<string>;
let runtime: DisposableRuntime;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "minke-runtime-"));
  host = createFakeHost({ crun, conmon });
  clock = new FakeClock();
  connected = new Set();
  runtime = await open();
});
afterEach(async () => {
  await runtime[Symbol.asyncDispose]();
  rmSync(base, { recursive: true });
});

async function open(): Promise<DisposableRuntime> {
  const opened = createRuntime({
    host,
    instance: instanceOf({ instance: "t", root: join(base, "root"), state: join(base, "state") }),
    network: {
      add: async ({ sandboxId }: Attachment) => {
        connected.add(sandboxId);
        return { ips: ["10.0.0.2"] };
      },
      del: async ({ sandboxId }: Attachment) => void connected.delete(sandboxId),
      gc: async (valid) => void (connected = new Set([...connected].filter((id) => valid.includes(id)))),
    },
    images: { status: async () => IMAGE, layers: async () => ["/layers/1"] },
    clock,
    log: noLog,
    trace: noTrace,
    privileges: async () => ({ boundingSet: [], oomScoreAdjMin: 0, cpus: 1, cgroup: { swap: false, hugetlb: false } }),
  });
  await opened.recover();
  return opened;
}

/** Starts a process for the container and one for itself, as conmon does. */
function conmon({ argv }: Command) {
  const option = (name: string): string => argv.find((arg) => arg.startsWith(`--${name}=`))!.split("=")[1]!;
  const config = JSON.parse(readFileSync(join(option("bundle"), "config.json"), "utf8")) as {
    linux: { cgroupsPath: string };
  };
  const cgroup = config.linux.cgroupsPath.slice(1);
  void host.cgroup.create(cgroup, {});
  writeFileSync(join(option("bundle"), "conmon.pid"), String(host.startProcess()));
  return { sync: JSON.stringify({ data: host.startProcess(cgroup) }) };
}

function crun({ argv }: Command) {
  if (argv[5] === "state") return { code: 1, stderr: "container does not exist" };
  return {};
}

const IMAGE = {
  id: "sha256:1",
  repoTags: [],
  repoDigests: [],
  sizeBytes: 1,
  createdMs: 0,
  architecture: "amd64",
  os: "linux",
  config: { entrypoint: ["run"], cmd: [], env: [], workingDir: "", user: "0", exposedPorts: [], labels: {} },
  manifestDigest: "sha256:2",
  diffIds: [],
};

const SANDBOX: SandboxConfig = {
  owner: "engine",
  metadata: { name: "web", uid: "u1", namespace: "default", attempt: 0 },
  hostname: "web",
  logDirectory: "",
  dns: { servers: [], searches: [], options: [] },
  portMappings: [],
  labels: {},
  annotations: {},
  cgroupParent: "kubepods/podu1",
  resources: {},
  namespaces: { network: "pod", pid: "container", ipc: "pod" },
  sysctls: {},
  runtimeHandler: "",
};

const CONTAINER: ContainerConfig = {
  metadata: { name: "main", attempt: 0 },
  image: "x",
  command: [],
  args: [],
  workingDir: "",
  env: [],
  mounts: [],
  labels: {},
  annotations: {},
  logPath: "",
  stdin: false,
  stdinOnce: false,
  tty: false,
  resources: {},
  security: {
    privileged: false,
    addCapabilities: [],
    dropCapabilities: ["ALL"],
    supplementalGroups: [],
    readonlyRootfs: false,
    noNewPrivileges: false,
    seccomp: { type: "unconfined" },
  },
  pidMode: "container",
};

/** conmon's way to tell of an end. */
function writeExit(id: string, code: number): void {
  writeFileSync(join(base, "state/exits", id), String(code));
}

/** All that the host and the folders hold. */
function leftovers() {
  const folders = [
    "root/sandboxes",
    "root/containers",
    "state/ns",
    "state/sandboxes",
    "state/containers",
    "state/exits",
  ];
  return {
    namespaces: host.namespaces.size,
    mounts: host.mounts.length,
    cgroups: [...host.cgroups.keys()].filter((path) => path.includes("podu1")),
    connected: connected.size,
    files: folders.flatMap((folder) => readdirSync(join(base, folder)).map((name) => join(folder, name))),
  };
}
const NOTHING = { namespaces: 0, mounts: 0, cgroups: [], connected: 0, files: [] };

const boom = async (): Promise<never> => {
  throw new MinkeError("Internal", "boom");
};

describe("what fails leaves nothing behind", () => {
  test.each<[string, () => void]>([
    ["pinning", () => void vi.spyOn(host.namespace, "pin").mockImplementationOnce(boom)],
    ["the cgroup", () => void vi.spyOn(host.cgroup, "create").mockImplementationOnce(boom)],
    ["the /dev/shm", () => void vi.spyOn(host.mount, "mount").mockImplementationOnce(boom)],
  ])("%s of a sandbox", async (_what, breakIt) => {
    breakIt();
    await expect(runtime.runSandbox(SANDBOX)).rejects.toThrow("boom");
    expect(leftovers()).toEqual(NOTHING);
    await runtime.runSandbox(SANDBOX);
  });

  test.each<[string, () => void]>([
    ["the root file system", () => void vi.spyOn(host.mount, "overlay").mockImplementationOnce(boom)],
  ])("%s of a container", async (_what, breakIt) => {
    const sandbox = await runtime.runSandbox(SANDBOX);
    const before = leftovers();
    breakIt();
    await expect(runtime.createContainer(sandbox.id, CONTAINER)).rejects.toThrow("boom");
    expect(leftovers()).toEqual(before);
  });

  test.each<[string, () => void]>([
    ["a mount", () => void host.programs.set("conmon", () => ({ sync: '{"data":-1,"message":"mount `/a`: boom"}' }))],
    ["an absent monitor", () => void host.programs.delete("conmon")],
    [
      "the last step",
      () =>
        void host.programs.set("crun", ({ argv }) =>
          argv.includes("start") ? { code: 1, stderr: "boom" } : crun({ argv }),
        ),
    ],
  ])("%s of a start, but for the container that tells of it", async (_what, breakIt) => {
    const sandbox = await runtime.runSandbox(SANDBOX);
    const before = leftovers();
    breakIt();
    const { id } = await runtime.createContainer(sandbox.id, CONTAINER);
    await expect(runtime.startContainer(id)).rejects.toThrow(/boom|not installed|no such program/);
    expect((await runtime.container(id))?.state).toMatchObject({ exitCode: 128, reason: "StartError" });
    await runtime.removeContainer(id);
    expect(leftovers()).toEqual(before);
  });

  test("a sandbox is whole again after it was removed", async () => {
    const sandbox = await runtime.runSandbox(SANDBOX);
    const { id } = await runtime.runContainer(sandbox.id, CONTAINER);
    writeExit(id, 0);
    await runtime.removeSandbox(sandbox.id);
    expect(leftovers()).toEqual(NOTHING);
  });
});

test("a stop signals, kills when the grace period is over, and a later call shortens it", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id, state } = await runtime.runContainer(sandbox.id, CONTAINER);
  if (state.phase !== "running") throw new Error("it does not run");
  const { signals } = host.processes.get(state.pid)!;
  const stopped = runtime.stopContainer(id, 60_000);
  await vi.waitFor(() => expect(signals).toEqual(["SIGTERM"]));
  const sooner = runtime.stopContainer(id, 5000);
  await vi.waitFor(() => expect(clock.nextDue()).toBe(clock.now() + 5000));
  clock.advance(4999);
  expect(signals).toEqual(["SIGTERM"]);
  clock.advance(1);
  expect(signals).toEqual(["SIGTERM", "SIGKILL"]);
  writeExit(id, 137);
  await Promise.all([stopped, sooner]);
  expect((await runtime.container(id))?.state).toMatchObject({ phase: "exited", exitCode: 137 });
});

test("a command that crun can not execute shows when it is started", async () => {
  host.programs.set("conmon", () => ({ sync: '{"data":-1,"message":"executable file `run` not found in $PATH"}' }));
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id, state } = await runtime.createContainer(sandbox.id, CONTAINER);
  expect(state).toEqual({ phase: "created" });
  await expect(runtime.startContainer(id)).rejects.toMatchObject({ reason: "StartError" });
  expect((await runtime.container(id))?.state).toMatchObject({
    exitCode: 128,
    reason: "StartError",
    message: expect.stringContaining('exec: "run": executable file not found in $PATH'),
  });
});

test("recovery undoes what is half made, keeps what is whole, and reads an end that nobody saw", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id } = await runtime.runContainer(sandbox.id, CONTAINER);
  const lives = await runtime.runContainer(sandbox.id, { ...CONTAINER, metadata: { name: "b", attempt: 0 } });
  const half = await runtime.runSandbox({
    ...SANDBOX,
    metadata: { ...SANDBOX.metadata, uid: "u2" },
    cgroupParent: "podu2",
  });
  const checkpoint = join(base, "root/sandboxes", `${half.id}.json`);
  writeFileSync(checkpoint, readFileSync(checkpoint, "utf8").replace('"ready":true', '"ready":false'));
  await runtime[Symbol.asyncDispose]();
  writeExit(id, 3);

  runtime = await open();
  expect((await runtime.sandboxes()).map((each) => [each.id, each.state])).toEqual([[sandbox.id, "ready"]]);
  expect(existsSync(checkpoint)).toBe(false);
  expect([...connected]).toEqual([sandbox.id]);
  expect((await runtime.container(id))?.state).toMatchObject({ phase: "exited", exitCode: 3 });
  expect((await runtime.container(lives.id))?.state.phase).toBe("running");
});

test("what was killed before it ever ran is gone after a restart; a start that failed stays to be told", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id } = await runtime.createContainer(sandbox.id, CONTAINER);
  const lost = await runtime.createContainer(sandbox.id, { ...CONTAINER, metadata: { name: "c", attempt: 0 } });
  const waits = await runtime.createContainer(sandbox.id, { ...CONTAINER, metadata: { name: "d", attempt: 0 } });
  host.programs.set("conmon", () => ({ sync: '{"data":-1,"message":"executable file `run` not found in $PATH"}' }));
  const failed = await runtime.createContainer(sandbox.id, { ...CONTAINER, metadata: { name: "b", attempt: 0 } });
  await expect(runtime.startContainer(failed.id)).rejects.toMatchObject({ reason: "StartError" });
  await runtime.stopContainer(id, 60_000); // the removal had come as far as the kill
  await runtime[Symbol.asyncDispose]();
  rmSync(join(base, "state/containers", lost.id), { recursive: true }); // a reboot
  host.programs.set("conmon", conmon);
  runtime = await open();
  expect(new Set((await runtime.containers()).map((each) => each.id))).toEqual(new Set([failed.id, waits.id]));
  expect((await runtime.startContainer(waits.id)).state.phase).toBe("running");
});

test("a start that was cut short is done again after a restart", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id } = await runtime.createContainer(sandbox.id, CONTAINER);
  const checkpoint = join(base, "root/containers", id, "container.json");
  const created = readFileSync(checkpoint, "utf8");
  const { state } = await runtime.startContainer(id);
  if (state.phase !== "running") throw new Error("it does not run");
  await runtime[Symbol.asyncDispose]();
  writeFileSync(checkpoint, created); // as before the launch was written down
  runtime = await open();
  expect(host.processes.has(state.pid)).toBe(false);
  expect((await runtime.container(id))?.state.phase).toBe("created");
  expect((await runtime.startContainer(id)).state.phase).toBe("running");
});

test("new limits of a container that waits for its start are those that it starts with", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id } = await runtime.createContainer(sandbox.id, CONTAINER);
  await runtime.updateContainerResources(id, { memoryBytes: 64 << 20, cpusetCpus: "0" });
  const spec = JSON.parse(readFileSync(join(base, "state/containers", id, "config.json"), "utf8")) as {
    linux: { resources: object };
  };
  expect(spec.linux.resources).toMatchObject({
    memory: { limit: 64 << 20 },
    cpu: { cpus: "0" },
    devices: [{ allow: false }],
  });
  expect((await runtime.container(id))?.config.resources).toMatchObject({ cpusetCpus: "0" });
});

test("a container is not told to run before crun has started it", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id } = await runtime.createContainer(sandbox.id, CONTAINER);
  const seen: (string | undefined)[] = [];
  host.programs.set("crun", async () => {
    seen.push((await runtime.container(id))?.state.phase);
    return {};
  });
  expect((await runtime.startContainer(id)).state.phase).toBe("running");
  expect(seen).toEqual(["created"]);
});

test("a monitor that dies is noticed though nobody asks", async () => {
  const sandbox = await runtime.runSandbox(SANDBOX);
  const { id } = await runtime.runContainer(sandbox.id, CONTAINER);
  const abort = new AbortController();
  const events = runtime.events(abort.signal)[Symbol.asyncIterator]();
  const next = events.next();
  const monitor = readFileSync(join(base, "state/containers", id, "conmon.pid"), "utf8");
  host.process.kill(Number(monitor), "SIGKILL");
  expect((await next).value).toMatchObject({ type: "stopped", containerId: id });
  abort.abort();
  expect((await runtime.container(id))?.state).toMatchObject({ exitCode: 137, message: "Its monitor (conmon) died" });
});

describe("two sandboxes of one Pod", () => {
  const next = { ...SANDBOX, metadata: { ...SANDBOX.metadata, attempt: 1 } };

  /** As after a reboot: the record is there, and nothing of what it tells of. */
  async function lose(id: string): Promise<void> {
    await runtime[Symbol.asyncDispose]();
    rmSync(join(base, "state/sandboxes", id), { recursive: true });
    runtime = await open();
  }

  test("removing one that was lost leaves what runs in its successor alone", async () => {
    const old = await runtime.runSandbox(SANDBOX);
    await lose(old.id);
    const { id: sandboxId } = await runtime.runSandbox(next);
    const { id, state } = await runtime.runContainer(sandboxId, CONTAINER);
    if (state.phase !== "running") throw new Error("it does not run");
    await runtime.removeSandbox(old.id);
    expect(host.processes.get(state.pid)?.signals).toEqual([]);
    expect((await runtime.container(id))?.state.phase).toBe("running");
    expect(host.cgroups.has("minke-t/kubepods/podu1")).toBe(true);
    writeExit(id, 0);
    await runtime.removeSandbox(sandboxId);
    expect(leftovers()).toEqual(NOTHING);
  });

  test("one that is half made is undone by recovery beside the other", async () => {
    const half = await runtime.runSandbox(SANDBOX);
    const whole = await runtime.runSandbox(next);
    const { state } = await runtime.runContainer(whole.id, CONTAINER);
    if (state.phase !== "running") throw new Error("it does not run");
    const checkpoint = join(base, "root/sandboxes", `${half.id}.json`);
    writeFileSync(checkpoint, readFileSync(checkpoint, "utf8").replace('"ready":true', '"ready":false'));
    await runtime[Symbol.asyncDispose]();
    runtime = await open();
    expect(host.processes.get(state.pid)?.signals).toEqual([]);
  });
});

describe("a full disk", () => {
  /** Has every write of the container's checkpoint fail, until the end of the scope. */
  function full(id: string): Disposable {
    const path = join(base, "root/containers", id, "container.json");
    renameSync(path, `${path}.kept`);
    mkdirSync(path);
    return {
      [Symbol.dispose]: () => {
        rmSync(path, { recursive: true });
        renameSync(`${path}.kept`, path);
      },
    };
  }

  test("a start that can not be written down does not happen, and is not told", async () => {
    const sandbox = await runtime.runSandbox(SANDBOX);
    const { id } = await runtime.createContainer(sandbox.id, CONTAINER);
    {
      using _full = full(id);
      await expect(runtime.startContainer(id)).rejects.toThrow("Cannot write checkpoint");
      expect((await runtime.container(id))?.state).toEqual({ phase: "created" });
      expect(host.commands.some(({ argv }) => argv.includes("start"))).toBe(false);
    }
    expect((await runtime.startContainer(id)).state.phase).toBe("running");
  });

  test("an end that can not be written down is told all the same, and found again after a restart", async () => {
    const sandbox = await runtime.runSandbox(SANDBOX);
    const { id } = await runtime.runContainer(sandbox.id, CONTAINER);
    {
      using _full = full(id);
      const stopped = runtime.stopContainer(id, 60_000);
      writeExit(id, 3);
      await stopped;
      expect((await runtime.container(id))?.state).toMatchObject({ phase: "exited", exitCode: 3 });
    }
    await runtime[Symbol.asyncDispose]();
    runtime = await open();
    expect((await runtime.container(id))?.state).toMatchObject({ phase: "exited", exitCode: 3 });
  });
});
