import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import {
  ContainerConfigSchema,
  LinuxContainerResourcesSchema,
  NamespaceMode,
  Protocol,
  PodSandboxConfigSchema,
  Signal,
  SignalSchema,
  SupplementalGroupsPolicy,
} from "../gen/runtime/v1/api_pb.ts";
import type { Init } from "../message.ts";
import { containerConfig } from "./container-config.ts";
import { resourcesMessage, resourcesOf, updated } from "./resources.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import { stopSignalName, stopSignalNumber } from "./stop-signal.ts";

const metadata = { name: "web", uid: "u", namespace: "default", attempt: 2 };
const sandbox = (init: Init<typeof PodSandboxConfigSchema> = {}) =>
  sandboxConfig(create(PodSandboxConfigSchema, { metadata, ...init }), "");
const container = (init: Init<typeof ContainerConfigSchema> = {}, within = sandbox()) =>
  containerConfig(
    create(ContainerConfigSchema, { metadata: { name: "c" }, image: { image: "busybox" }, ...init }),
    within,
  );
const namespaces = (namespaceOptions: object) => ({ linux: { securityContext: { namespaceOptions } } });

describe("a sandbox", () => {
  test("of nothing but a name has every namespace of the Pod", () => {
    expect(sandbox()).toMatchObject({
      owner: "cri",
      metadata,
      namespaces: { network: "pod", pid: "pod", ipc: "pod" },
      cgroupParent: "",
      ownerData: { privileged: false },
    });
    expect(sandbox()).not.toHaveProperty("dns");
  });

  test("publishes the ports that have a host port, and no other", () => {
    const portMappings = [{ containerPort: 80 }, { containerPort: 53, hostPort: 5353, protocol: Protocol.UDP }];
    expect(sandbox({ portMappings }).portMappings).toEqual([
      { protocol: "UDP", containerPort: 53, hostPort: 5353, hostIp: "" },
    ]);
  });

  test("with a DNS configuration that says nothing has the host's", () => {
    expect(sandbox({ dnsConfig: {} })).not.toHaveProperty("dns");
    expect(sandbox({ dnsConfig: { servers: ["10.0.0.10"] } }).dns).toEqual({
      servers: ["10.0.0.10"],
      searches: [],
      options: [],
    });
  });

  test("has its cgroup parent from the root of the hierarchy", () => {
    expect(sandbox({ linux: { cgroupParent: "kubepods/pod1" } }).cgroupParent).toBe("/kubepods/pod1");
    expect(sandbox({ linux: { cgroupParent: "/kubepods-pod1.slice" } }).cgroupParent).toBe("/kubepods-pod1.slice");
  });

  test("maps ids by one range that has root in it", () => {
    const range = { hostId: 1000, containerId: 0, length: 100 };
    const userOf = (uids: object[]) => sandbox(namespaces({ usernsOptions: { uids, gids: [range] } })).namespaces.user;
    expect(userOf([range])?.uidMappings).toEqual([{ hostId: 1000, containerId: 0, size: 100 }]);
    expect(() => userOf([range, range])).toThrow(/userns_options\.uids .*exactly one mapping/);
    expect(() => userOf([])).toThrow(/exactly one mapping/);
    expect(() => userOf([{ ...range, containerId: 1 }])).toThrow(/id 0 of the container must be mapped/);
    expect(sandbox(namespaces({ usernsOptions: { mode: NamespaceMode.NODE } })).namespaces.user).toBeUndefined();
  });
});

describe("a container", () => {
  test("that says nothing of its PID namespace has the sandbox'", () => {
    expect(container().pidMode).toBe("pod");
    const host = sandbox(namespaces({ pid: NamespaceMode.NODE }));
    expect(container({}, host).pidMode).toBe("node");
    expect(container(namespaces({ pid: NamespaceMode.CONTAINER })).pidMode).toBe("container");
    const target = { pid: NamespaceMode.TARGET, targetId: "abc" };
    expect(container(namespaces(target)).pidMode).toEqual({ container: "abc" });
  });

  test("may be privileged in a sandbox that is", () => {
    const privileged = { linux: { securityContext: { privileged: true } } };
    expect(container(privileged, sandbox(privileged)).security.privileged).toBe(true);
    expect(() => container(privileged)).toThrow(/the sandbox is not privileged/);
  });

  test("masks what it is told to mask, and nothing when it is told nothing", () => {
    expect(container().security).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
    const securityContext = { maskedPaths: ["/proc/kcore"], supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict };
    expect(container({ linux: { securityContext } }).security).toMatchObject({
      maskedPaths: ["/proc/kcore"],
      supplementalGroupsPolicy: "strict",
    });
  });

  test("mounts an image read-only, by its id", () => {
    const mount = { containerPath: "/data", readonly: true, image: { image: "sha256:1" }, imageSubPath: "etc" };
    expect(container({ mounts: [mount] }).mounts).toMatchObject([
      { hostPath: "", readonly: true, image: { image: "sha256:1", subPath: "etc" } },
    ]);
    expect(() => container({ mounts: [{ ...mount, readonly: false }] })).toThrow(/config\.mounts\[0\]\.readonly/);
    expect(() => container({ mounts: [{ ...mount, imageSubPath: "../x" }] })).toThrow(/image_sub_path/);
  });

  test.each<[Init<typeof ContainerConfigSchema>, RegExp]>([
    [{ CDIDevices: [{ name: "vendor.com/gpu=0" }] }, /config\.CDI_devices: it is not supported/],
    [{ windows: {} }, /config\.windows/],
    [{ mounts: [{ containerPath: "/a", hostPath: "/a", mountOptions: ["noexec"] }] }, /mount_options/],
    [{ devices: [{ hostPath: "/dev/null", permissions: "x" }] }, /config\.devices\[0\]\.permissions "x"/],
    [{ stopSignal: 99 as Signal }, /config\.stop_signal 99/],
  ])("with %j is refused", (init, message) => {
    expect(() => container(init)).toThrow(message);
  });
});

describe("limits", () => {
  test("go there and back", () => {
    const message = {
      cpuPeriod: 100_000n,
      cpuQuota: -1n,
      cpuShares: 512n,
      memoryLimitInBytes: 1024n,
      memorySwapLimitInBytes: 2048n,
      oomScoreAdj: -998n,
      cpusetCpus: "0-1",
      cpusetMems: "0",
      hugepageLimits: [{ pageSize: "2MB", limit: 0n }],
      unified: { "memory.high": "1000" },
    };
    const limits = resourcesOf(create(LinuxContainerResourcesSchema, message), "linux");
    expect(resourcesMessage(limits)).toEqual(message);
    expect(resourcesOf(create(LinuxContainerResourcesSchema, {}), "linux")).toEqual({});
  });

  test("that an update leaves unsaid stay", () => {
    const current = { cpuShares: 2, memoryBytes: 10, unified: { a: "1" } };
    expect(updated(current, { memoryBytes: 20, unified: { b: "2" } })).toEqual({
      cpuShares: 2,
      memoryBytes: 20,
      unified: { a: "1", b: "2" },
    });
  });

  test.each([
    [{ cpuShares: -1n }, /linux\.cpu_shares "-1"/],
    [{ oomScoreAdj: 1001n }, /linux\.oom_score_adj "1001": must be from -1000 to 1000/],
    [{ memoryLimitInBytes: 2n ** 60n }, /linux\.memory_limit_in_bytes/],
  ])("%o are refused", (init, message) => {
    expect(() => resourcesOf(create(LinuxContainerResourcesSchema, init), "linux")).toThrow(message);
  });
});

test("every stop signal goes there and back", () => {
  for (const { number } of SignalSchema.values) {
    const name = stopSignalName(number as Signal, "stop_signal");
    if (name === undefined) expect(number).toBe(Signal.RUNTIME_DEFAULT);
    else if (number !== Signal.SIGCLD) expect(stopSignalNumber(name)).toBe(number);
  }
  expect(stopSignalName(Signal.SIGRTMAXMINUS14, "stop_signal")).toBe("SIGRTMAX-14");
  expect(stopSignalNumber("term")).toBe(Signal.SIGTERM);
});
