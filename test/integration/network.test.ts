/** The embedded network on the real kernel: real plugins, real bridge, real firewall rules. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pid } from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type Clock, FakeClock, sleep, systemClock } from "../../src/base/clock.ts";
import { newId } from "../../src/base/ids.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { ChildStream, Completed, Host, ProcessHost } from "../../src/host/host.ts";
import { instanceOf, type Instance } from "../../src/host/instance.ts";
import { createNetwork, type HostPortMapping, type Network, type NetworkAttachment } from "../../src/oci/cni.ts";
import { auditLeaks, takeInventory } from "../audit.ts";
import { scaled } from "../fixtures/emulated.ts";
import { freePort } from "../fixtures/free-port.ts";

let directory: string;
let host: Host;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "minke-net-"));
  host = await createHost();
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** An instance of its own, torn down and audited at the end of the block. */
async function node(
  name: string,
  process = host.process,
  apiPort?: number,
): Promise<{ instance: Instance; network: Network } & AsyncDisposable> {
  const instance = instanceOf({
    instance: `net-${name}-${pid}`,
    root: join(directory, name, "root"),
    state: join(directory, name, "state"),
  });
  mkdirSync(instance.root, { recursive: true });
  mkdirSync(join(instance.state, "ns"), { recursive: true });
  const before = await takeInventory({ instance });
  const network = open(instance, process, systemClock, apiPort);
  return {
    instance,
    network,
    [Symbol.asyncDispose]: async () => {
      for (const file of readdirSync(join(instance.state, "ns"))) {
        await host.namespace.unpin(join(instance.state, "ns", file));
      }
      await network.teardown();
      await auditLeaks(before);
    },
  };
}

function open(instance: Instance, process = host.process, clock: Clock = systemClock, apiPort?: number): Network {
  const api = apiPort === undefined ? {} : { apiPort: Promise.resolve(apiPort) };
  return createNetwork({ host: { process }, instance, log: noLog, clock, ...api });
}

async function pinned(instance: Instance, ports: readonly Partial<HostPortMapping>[] = []): Promise<NetworkAttachment> {
  const sandboxId = newId();
  const netnsPath = join(instance.state, "ns", sandboxId);
  await host.namespace.pin({ paths: { net: netnsPath } });
  const portMappings = ports.map((port) => ({
    protocol: "TCP" as const,
    containerPort: 80,
    hostPort: 0,
    hostIp: "",
    ...port,
  }));
  return { sandboxId, netnsPath, podName: "web", podNamespace: "default", podUid: newId(), portMappings };
}

/** Serves the text on port 80 inside the namespace, until disposed. */
async function serve(netns: string, text: string): Promise<AsyncDisposable> {
  const folder = mkdtempSync(join(directory, "www-"));
  writeFileSync(join(folder, "index.html"), text);
  const child: ChildStream = host.process.stream({
    argv: ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", folder],
    netns,
  });
  const listening = async (): Promise<boolean> =>
    (await host.process.run({ argv: ["/bin/busybox", "wget", "-qO-", "http://127.0.0.1/"], netns })).code === 0;
  for (let tries = 0; !(await listening()); tries++) {
    if (tries === 100) throw new Error("the server in the namespace does not answer");
    await sleep(systemClock, 20);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function get(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000), headers: { connection: "close" } });
  return response.text();
}

const leases = (instance: Instance): readonly string[] => {
  const folder = join(instance.state, "cni/leases", instance.network);
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^[0-9.]+$/.test(name)) : [];
};

describe("a sandbox", () => {
  test("has an address that the host reaches, a way out, and gives it all back", async () => {
    await using made = await node("plain");
    const { instance, network } = made;
    expect(await network.ready()).toEqual({ ok: true });
    const attachment = await pinned(instance);
    const { ips, gateway } = await network.add(attachment);
    expect(ips).toHaveLength(1);
    await network.check(attachment);
    {
      await using _ = await serve(attachment.netnsPath, "hello");
      expect(await get(`http://${ips[0]}/`)).toBe("hello");
      const route = await host.process.run({ argv: ["ip", "route"], netns: attachment.netnsPath });
      expect(route.stdout).toContain(`default via ${gateway} dev eth0`);
    }
    expect(await open(instance).result(attachment.sandboxId)).toEqual({ ips, gateway });
    await network.del(attachment);
    await network.del(attachment);
    expect(leases(instance)).toEqual([]);
    expect(await network.result(attachment.sandboxId)).toBeUndefined();
    await expect(network.check(attachment)).rejects.toMatchObject({ code: "NotFound" });
  });

  test("is reached through its host port by 127.0.0.1, by the host's address, and by itself", async () => {
    await using made = await node("ports");
    const { instance, network } = made;
    const [hostPort, localPort] = [await freePort(), await freePort()];
    const attachment = await pinned(instance, [{ hostPort }, { hostPort: localPort, hostIp: "127.0.0.1" }]);
    const { gateway } = await network.add(attachment);
    await network.check(attachment);
    {
      await using _ = await serve(attachment.netnsPath, "published");
      expect(await get(`http://127.0.0.1:${hostPort}/`)).toBe("published");
      expect(await get(`http://${gateway}:${hostPort}/`)).toBe("published");
      expect(await get(`http://127.0.0.1:${localPort}/`)).toBe("published");
      await expect(get(`http://${gateway}:${localPort}/`)).rejects.toThrow();
      const inside = await host.process.run({
        argv: ["/bin/busybox", "wget", "-qO-", `http://${gateway}:${hostPort}/`],
        netns: attachment.netnsPath,
      });
      expect(inside.stdout).toBe("published");
    }
    await network.del(attachment);
    await expect(get(`http://127.0.0.1:${hostPort}/`)).rejects.toThrow();
    const rules = await host.process.run({ argv: ["iptables-save"] });
    expect(rules.stdout).not.toContain(attachment.sandboxId);
  });

  test("does not get a port that is in use, and leaves nothing behind", async () => {
    await using made = await node("taken");
    const { instance, network } = made;
    await using server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port: hostPort } = server.address() as AddressInfo;
    const refused = { code: "FailedPrecondition", reason: "CreatePodSandboxError" };
    const first = await pinned(instance, [{ hostPort }]);
    await expect(network.add(first)).rejects.toMatchObject(refused);
    const other = await freePort();
    const second = await pinned(instance, [{ hostPort: other }]);
    await network.add(second);
    await using elsewhere = await node("elsewhere");
    const third = await pinned(elsewhere.instance, [{ hostPort: other }]);
    await expect(elsewhere.network.add(third)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(new RegExp(`host port ${other}/TCP: a firewall rule`)),
    });
    expect(existsSync(join(elsewhere.instance.state, "cni/leases"))).toBe(false);
    expect(readdirSync(join(instance.state, "cni/results"))).toEqual([`${second.sandboxId}.json`]);
  });

  test("that is connected again gets a working network", async () => {
    await using made = await node("again");
    const attachment = await pinned(made.instance);
    await made.network.add(attachment);
    const { ips } = await open(made.instance).add(attachment);
    await made.network.check(attachment);
    expect(leases(made.instance)).toEqual(ips);
  });

  test("a failing plugin leaves no lease, no interface and no record", async () => {
    await using made = await node("failing");
    const { instance, network } = made;
    const attachment = { ...(await pinned(instance)), netnsPath: join(instance.state, "no-such-namespace") };
    await expect(network.add(attachment)).rejects.toMatchObject({
      reason: "CreatePodSandboxError",
      message: expect.stringMatching(/no-such-namespace/),
    });
    expect(readdirSync(join(instance.state, "cni/results"))).toEqual([]);
    expect(existsSync(join(instance.state, "cni/leases")) ? leases(instance) : []).toEqual([]);
  });
});

describe("after a crash", () => {
  test("a new daemon disconnects what the old one connected, when the namespace is gone too", async () => {
    await using made = await node("crash");
    const hostPort = await freePort();
    const attachment = await pinned(made.instance, [{ hostPort }]);
    await made.network.add(attachment);
    await host.namespace.unpin(attachment.netnsPath);
    const after = open(made.instance);
    await after.del(attachment);
    expect(leases(made.instance)).toEqual([]);
    const next = await pinned(made.instance, [{ hostPort }]);
    await after.add(next);
  });

  test("killed at any moment while it connects: gc gives everything back", async () => {
    await using made = await node("killed");
    const { instance, network } = made;
    for (const delayMs of [1, 7, 16]) {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, "../fixtures/network-add.ts"), instance.name, instance.root, instance.state],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      for await (const chunk of child.stdout) if (String(chunk).includes("added")) break;
      await sleep(systemClock, scaled(delayMs, 20 * delayMs));
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      await settled(instance);
      await network.gc([]);
      expect(leases(instance)).toEqual([]);
      expect(readdirSync(join(instance.state, "cni/results"))).toEqual([]);
    }
  });

  test("gc keeps what is valid", async () => {
    await using made = await node("valid");
    const kept = await pinned(made.instance);
    const { ips } = await made.network.add(kept);
    await made.network.add(await pinned(made.instance));
    await open(made.instance).gc([kept.sandboxId]);
    expect(leases(made.instance)).toEqual(ips);
    await made.network.check(kept);
  });
});

/** Waits until no plugin of the instance, orphaned by a kill, runs any more. */
async function settled(instance: Instance): Promise<void> {
  const running = async (): Promise<boolean> =>
    [...(await takeInventory({ instance })).items.process.values()].some((text) => text.includes("agent.pl")) ||
    (await host.process.run({ argv: ["pgrep", "-x", "bridge|host-local"] })).code === 0;
  for (let tries = 0; (await running()) && tries < 100; tries++) await sleep(systemClock, 20);
}

test("a configuration of the user's own is used, and undone without its namespace", async () => {
  await using made = await node("own");
  const { instance } = made;
  const confDir = join(directory, "conf");
  const dataDir = join(directory, "own-leases");
  mkdirSync(confDir);
  const bridge = { type: "bridge", bridge: instance.bridge, isGateway: true };
  const ipam = { type: "host-local", dataDir, subnet: "198.18.77.0/24" };
  const portmap = { type: "portmap", capabilities: { portMappings: true }, snat: true };
  const conf = { cniVersion: "0.4.0", name: instance.network, plugins: [{ ...bridge, ipam }, portmap] };
  writeFileSync(join(confDir, "10-own.conflist"), JSON.stringify(conf));
  const network = createNetwork({ host, instance, confDir, log: noLog });
  expect(await network.ready()).toEqual({ ok: true });
  const hostPort = await freePort();
  const attachment = await pinned(instance, [{ hostPort }]);
  expect(await network.add(attachment)).toEqual({ ips: ["198.18.77.2"], gateway: "198.18.77.1" });
  {
    await using _ = await serve(attachment.netnsPath, "own");
    expect(await get(`http://127.0.0.1:${hostPort}/`)).toBe("own");
  }
  await host.namespace.unpin(attachment.netnsPath);
  rmSync(confDir, { recursive: true });
  await createNetwork({ host, instance, confDir, log: noLog }).del(attachment);
  expect(readdirSync(join(dataDir, instance.network)).filter((name) => /^[0-9.]+$/.test(name))).toEqual([]);
});

test("two instances side by side do not disturb each other", async () => {
  await using one = await node("one");
  const attachment = await pinned(one.instance);
  const { ips } = await one.network.add(attachment);
  {
    await using two = await node("two");
    const other = await two.network.add(await pinned(two.instance));
    expect(other.gateway).not.toBe((await one.network.result(attachment.sandboxId))?.gateway);
    await two.network.gc([]);
  }
  await one.network.check(attachment);
  await using _ = await serve(attachment.netnsPath, "still here");
  expect(await get(`http://${ips[0]}/`)).toBe("still here");
});

test("rules are made once, however often a daemon starts", async () => {
  await using made = await node("rules");
  await made.network.prepare();
  const rules = async (): Promise<readonly string[]> =>
    (await host.process.run({ argv: ["iptables-save"] })).stdout
      .split("\n")
      .filter((line) => line.includes(made.instance.firewall) || line.includes(made.instance.bridge));
  const first = await rules();
  expect(first.filter((line) => line.startsWith("-A"))).toHaveLength(7);
  await open(made.instance).prepare();
  expect(await rules()).toEqual(first);
});

test("rules that someone else has flushed are made again when the next sandbox is connected", async () => {
  await using one = await node("flushed");
  const { instance } = one;
  const clock = new FakeClock();
  const network = open(instance, host.process, clock);
  await network.prepare();
  const jump = ["POSTROUTING", "-j", `${instance.firewall}-POST`] as const;
  const nat = async (...args: string[]): Promise<number> =>
    (await host.process.run({ argv: ["iptables", "-w", "5", "-t", "nat", ...args] })).code;
  expect(await nat("-C", ...jump)).toBe(0);
  expect(await nat("-D", ...jump)).toBe(0);
  clock.advance(10_000);
  const attachment = await pinned(instance);
  await network.add(attachment);
  expect(await nat("-C", ...jump)).toBe(0);
  await network.del(attachment);
});

describe("a host that forwards nothing by itself", () => {
  /** Where the host and the world meet; neither end knows a way to the Pods. */
  const [HOST, WORLD] = ["198.51.100.1", "198.51.100.2"];

  /** A network namespace that plays the host, with a link to another one that plays the world. Programs run in it. */
  async function stage(
    without: RegExp,
  ): Promise<{ process: ProcessHost; outer: string; world: string } & AsyncDisposable> {
    const [outer, world] = [join(directory, newId()), join(directory, newId())];
    await host.namespace.pin({ paths: { net: outer }, sysctls: { "net.ipv4.ip_forward": "1" } });
    await host.namespace.pin({ paths: { net: world } });
    const missing: Completed = { code: 127, stdout: "", stderr: "" };
    const run: ProcessHost["run"] = async (command) =>
      without.test(command.argv[0]) ? missing : await host.process.run({ netns: outer, ...command });
    const ip = async (netns: string, args: string): Promise<void> => {
      const done = await host.process.run({ argv: ["ip", ...args.split(" ")], netns });
      if (done.code !== 0) throw new Error(`ip ${args}: ${done.stderr}`);
    };
    await ip(outer, `link add toworld type veth peer name tohost netns ${world}`);
    await ip(outer, `addr add ${HOST}/24 dev toworld`);
    await ip(outer, "link set toworld up");
    await ip(world, `addr add ${WORLD}/24 dev tohost`);
    await ip(world, "link set tohost up");
    return {
      process: { ...host.process, run },
      outer,
      world,
      [Symbol.asyncDispose]: async () => {
        for (const path of [outer, world]) await host.namespace.unpin(path);
      },
    };
  }

  const wget = (netns: string, url: string): Promise<Completed> =>
    host.process.run({ argv: ["/bin/busybox", "wget", "-qO-", url], netns, timeoutMs: 2000 });

  test("Pods reach the world and the API, and the world only their host ports, though FORWARD and INPUT drop", async () => {
    await using scene = await stage(/^nft$/);
    for (const rule of ["-P FORWARD DROP", "-P INPUT DROP", "-A INPUT -i lo -j ACCEPT"]) {
      await scene.process.run({ argv: ["iptables", ...rule.split(" ")] });
    }
    await using made = await node("drop", scene.process, 80);
    const hostPort = await freePort();
    const attachment = await pinned(made.instance, [{ hostPort }]);
    const { ips } = await made.network.add(attachment);
    await using _world = await serve(scene.world, "world");
    await using _pod = await serve(attachment.netnsPath, "pod");
    await using _api = await serve(scene.outer, "api");
    const { gateway } = (await made.network.hostSide())!;
    expect((await wget(attachment.netnsPath, `http://${gateway}/`)).stdout).toBe("api");
    expect((await wget(attachment.netnsPath, `http://${WORLD}/`)).stdout).toBe("world");
    expect((await wget(scene.world, `http://${HOST}:${hostPort}/`)).stdout).toBe("pod");
    await host.process.run({ argv: ["ip", "route", "add", `${ips[0]}/32`, "via", HOST], netns: scene.world });
    await Promise.all([
      expect(wget(scene.world, `http://${ips[0]}/`)).rejects.toMatchObject({ code: "DeadlineExceeded" }),
      expect(wget(attachment.netnsPath, `http://${HOST}/`)).rejects.toMatchObject({ code: "DeadlineExceeded" }),
    ]);
    await made.network.teardown();
    const rules = await scene.process.run({ argv: ["iptables-save"] });
    expect(rules.stdout).not.toMatch(/MINKE|CNI-/);
  });

  test("without iptables the masquerade rule is nft's", async () => {
    await using scene = await stage(/^iptables/);
    await using made = await node("nft", scene.process);
    const attachment = await pinned(made.instance);
    await made.network.add(attachment);
    await open(made.instance, scene.process).prepare();
    await using _world = await serve(scene.world, "world");
    expect((await wget(attachment.netnsPath, `http://${WORLD}/`)).stdout).toBe("world");
    const ruleset = async (): Promise<string> => (await scene.process.run({ argv: ["nft", "list", "ruleset"] })).stdout;
    expect((await ruleset()).match(/masquerade/g)).toHaveLength(1);
    await made.network.teardown();
    expect(await ruleset()).toBe("");
  });

  test("without either, the error names the remedy", async () => {
    await using scene = await stage(/^(iptables|nft)/);
    await using made = await node("bare", scene.process);
    expect(await made.network.ready()).toMatchObject({
      ok: false,
      message: expect.stringMatching(/neither iptables nor nft is installed; install iptables/),
    });
  });
});
