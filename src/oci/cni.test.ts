import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { noLog } from "../base/logger.ts";
import type { Command, Completed, ProcessHost } from "../host/host.ts";
import { instanceOf } from "../host/instance.ts";
import { createNetwork, type Network, type NetworkAttachment } from "./cni.ts";

interface Call {
  readonly command: string;
  readonly plugin: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Record<string, unknown>;
}

const RESULT = {
  cniVersion: "1.1.0",
  ips: [{ address: "10.9.0.2/16", gateway: "10.9.0.1" }, { address: "fd00::2/64" }],
};
const ATTACHMENT: NetworkAttachment = {
  sandboxId: "a".repeat(64),
  netnsPath: "/nowhere/net",
  podName: "web",
  podNamespace: "default",
  podUid: "uid-1",
  portMappings: [{ protocol: "TCP", containerPort: 80, hostPort: 0, hostIp: "" }],
};

let directory: string;
let calls: Call[];
/** What a plugin answers; by default ADD gives RESULT. */
let answer: (call: Call) => Partial<Completed>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "minke-cni-"));
  mkdirSync(join(directory, "bin"));
  mkdirSync(join(directory, "conf"));
  for (const plugin of ["first", "second"]) {
    writeFileSync(join(directory, "bin", plugin), "");
    chmodSync(join(directory, "bin", plugin), 0o755);
  }
  configure({ cniVersion: "1.1.0" });
  calls = [];
  answer = () => ({});
});
afterEach(() => rmSync(directory, { recursive: true }));

function configure(more: object): void {
  const plugins = [{ type: "first" }, { type: "second", capabilities: { portMappings: true }, key: 1 }];
  writeFileSync(join(directory, "conf/10.conflist"), JSON.stringify({ name: "mine", plugins, ...more }));
}

function network(): Network {
  const run = async ({ argv, env = {}, stdin }: Command): Promise<Completed> => {
    const plugin = basename(argv[0]);
    if (env["CNI_COMMAND"] === undefined) return { code: 0, stdout: "", stderr: "" };
    const call = { command: env["CNI_COMMAND"], plugin, env, config: JSON.parse(String(stdin)) as Call["config"] };
    calls.push(call);
    const stdout = call.command === "ADD" ? JSON.stringify(RESULT) : "";
    return { code: 0, stdout, stderr: "", ...answer(call) };
  };
  return createNetwork({
    host: { process: { run } as ProcessHost },
    instance: instanceOf({ instance: "unit", root: join(directory, "root"), state: join(directory, "state") }),
    confDir: join(directory, "conf"),
    binDirs: [join(directory, "none"), join(directory, "bin")],
    log: noLog,
  });
}

const order = (): readonly string[] => calls.map(({ command, plugin }) => `${command} ${plugin}`);
const records = (): readonly string[] => readdirSync(join(directory, "state/cni/results"));

describe("add()", () => {
  test("chains the plugins: each gets its own part, the arguments, and the result of the one before", async () => {
    expect(await network().add(ATTACHMENT)).toEqual({ ips: ["10.9.0.2", "fd00::2"], gateway: "10.9.0.1" });
    expect(order()).toEqual(["ADD first", "ADD second"]);
    expect(calls[0]?.env).toMatchObject({
      CNI_CONTAINERID: ATTACHMENT.sandboxId,
      CNI_NETNS: "/nowhere/net",
      CNI_IFNAME: "eth0",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=${ATTACHMENT.sandboxId};K8S_POD_UID=uid-1`,
    });
    expect(calls[0]?.config).toEqual({ type: "first", name: "mine", cniVersion: "1.1.0" });
    expect(calls[1]?.config).toEqual({ type: "second", key: 1, name: "mine", cniVersion: "1.1.0", prevResult: RESULT });
  });

  test("published ports go to the plugin with the capability", async () => {
    const mapping = { protocol: "SCTP", containerPort: 80, hostPort: 4001, hostIp: "127.0.0.1" } as const;
    await network().add({ ...ATTACHMENT, portMappings: [mapping, ...ATTACHMENT.portMappings] });
    expect(calls[0]?.config["runtimeConfig"]).toBeUndefined();
    expect(calls[1]?.config["runtimeConfig"]).toEqual({
      portMappings: [{ hostPort: 4001, containerPort: 80, protocol: "sctp", hostIP: "127.0.0.1" }],
    });
  });

  test("after a failure every plugin is undone, last one first, and nothing is recorded", async () => {
    const stdout = JSON.stringify({ code: 11, msg: "busy", details: "wait" });
    answer = ({ command, plugin }) => (command === "ADD" && plugin === "second" ? { code: 1, stdout } : {});
    await expect(network().add(ATTACHMENT)).rejects.toMatchObject({
      code: "Unavailable",
      reason: "CreatePodSandboxError",
      message: expect.stringMatching(/network "mine" of sandbox aaaaaaaaaaaa: CNI plugin "second" says: busy; wait/),
    });
    expect(order()).toEqual(["ADD first", "ADD second", "DEL second", "DEL first"]);
    expect(records()).toEqual([]);
  });

  test.each([
    [{ code: 7, stdout: "", stderr: "panic: x" }, /exit code 7, panic: x/],
    [{ stdout: "nonsense" }, /not a JSON object/],
    [{ stdout: '{"ips":[]}' }, /no IP address/],
    [{ code: 1, stdout: '{"code":999,"msg":"no IP addresses available in range set"}' }, /larger subnet/],
  ])("%j is a clear error", async (completed, message) => {
    answer = ({ command }) => (command === "ADD" ? completed : {});
    await expect(network().add(ATTACHMENT)).rejects.toThrow(message);
  });

  test("a plugin that is not installed is named with the remedy", async () => {
    rmSync(join(directory, "bin/second"));
    await expect(network().add(ATTACHMENT)).rejects.toThrow(/plugin "second".*containernetworking-plugins/);
    expect(await network().ready()).toMatchObject({ ok: false, message: expect.stringMatching(/"second"/) });
  });
});

describe("del()", () => {
  test("runs in reverse with the result of ADD, with the configuration of then, and once", async () => {
    const before = network();
    await before.add(ATTACHMENT);
    configure({ name: "other", cniVersion: "0.4.0", plugins: [{ type: "first" }] });
    calls = [];
    const after = network();
    await after.del(ATTACHMENT);
    expect(order()).toEqual(["DEL second", "DEL first"]);
    expect(calls[0]?.config).toMatchObject({ name: "mine", prevResult: RESULT });
    // The namespace is gone, so its path is not given.
    expect(calls[0]?.env["CNI_NETNS"]).toBe("");
    expect(records()).toEqual([]);
  });

  test("a failing plugin does not stop the others; the record stays for another try", async () => {
    const net = network();
    await net.add(ATTACHMENT);
    calls = [];
    answer = ({ plugin }) => (plugin === "second" ? { code: 1, stdout: '{"code":5,"msg":"io"}' } : {});
    await expect(net.del(ATTACHMENT)).rejects.toThrow(/"second" says: io/);
    expect(order()).toEqual(["DEL second", "DEL first"]);
    answer = () => ({});
    await net.del(ATTACHMENT);
    expect(records()).toEqual([]);
  });

  test("what was never added, or went with a reboot, is taken down by the current configuration", async () => {
    await network().del(ATTACHMENT);
    expect(order()).toEqual(["DEL second", "DEL first"]);
  });
});

test("a host port stays taken over a restart of the daemon, until del()", async () => {
  const attachment = {
    ...ATTACHMENT,
    portMappings: [{ protocol: "SCTP", containerPort: 80, hostPort: 4001, hostIp: "" }],
  } as const;
  await network().add(attachment);
  const after = network();
  const other = { ...attachment, sandboxId: "b".repeat(64) };
  await expect(after.add(other)).rejects.toThrow(/host port 4001\/SCTP: another Pod/);
  await after.del(attachment);
  await after.add(other);
});

describe("check()", () => {
  test("asks every plugin with the result of ADD", async () => {
    const net = network();
    await expect(net.check(ATTACHMENT)).rejects.toMatchObject({ code: "NotFound" });
    await net.add(ATTACHMENT);
    calls = [];
    await net.check(ATTACHMENT);
    expect(order()).toEqual(["CHECK first", "CHECK second"]);
    expect(calls[0]?.config["prevResult"]).toEqual(RESULT);
  });
});

describe("gc()", () => {
  test("undoes what belongs to no valid sandbox, half-done ADDs too, and asks plugins that have GC", async () => {
    const net = network();
    const kept = { ...ATTACHMENT, sandboxId: "b".repeat(64) };
    await net.add(ATTACHMENT);
    await net.add(kept);
    calls = [];
    answer = ({ command, plugin }) =>
      command === "VERSION" ? { stdout: `{"supportedVersions":["${plugin === "first" ? "1.1.0" : "1.0.0"}"]}` } : {};
    await net.gc([kept.sandboxId]);
    expect(order()).toEqual(["DEL second", "DEL first", "VERSION first", "GC first", "VERSION second"]);
    expect(calls[3]?.config["cni.dev/valid-attachments"]).toEqual([{ containerID: kept.sandboxId, ifname: "eth0" }]);
    expect(records()).toEqual([`${kept.sandboxId}.json`]);
  });

  test("leaves a network alone that is shared with others", async () => {
    configure({ cniVersion: "1.1.0", disableGC: true });
    await network().gc([]);
    expect(calls).toEqual([]);
  });

  test("removes records that can not be read", async () => {
    mkdirSync(join(directory, "state/cni/results"), { recursive: true });
    writeFileSync(join(directory, "state/cni/results/x.json"), "{");
    writeFileSync(join(directory, "state/cni/results/y.json.tmp"), "{}");
    await network().gc([]);
    expect(records()).toEqual([]);
    expect(existsSync(join(directory, "root"))).toBe(false);
  });
});
