import { describe, expect, test } from "vitest";

import { MinkeError } from "../base/errors.ts";
import { CAPABILITIES, DEFAULT_CAPABILITIES, missingCapabilities, parseCapabilityMask } from "./capabilities.ts";
import { DEFAULT_READONLY_PATHS } from "./default-paths.ts";
import { buildExecProcess, buildSpec, type SpecInput, type SpecSecurity } from "./spec.ts";

const SECURITY: SpecSecurity = {
  privileged: false,
  addCapabilities: [],
  dropCapabilities: [],
  noNewPrivileges: false,
  seccomp: { type: "unconfined" },
};
const ABLE = { swap: true, hugetlb: true };
const INPUT: SpecInput = {
  rootfs: "/bundle/rootfs",
  readonlyRootfs: false,
  args: ["sleep", "1"],
  env: ["A=1"],
  cwd: "/",
  tty: false,
  user: { uid: 0, gid: 0, additionalGids: [0] },
  namespaces: { net: "/ns/net", ipc: "/ns/ipc", uts: "/ns/uts", pid: "new" },
  mounts: [],
  security: SECURITY,
  resources: {},
  cgroupsPath: "/minke/kubepods/pod1/c1",
  shmPath: "/state/shm",
  boundingSet: CAPABILITIES,
  annotations: {},
};

function withSecurity(security: Partial<SpecSecurity>, more: Partial<SpecInput> = {}): ReturnType<typeof buildSpec> {
  return buildSpec({ ...INPUT, ...more, security: { ...SECURITY, ...security } });
}

function capabilities(security: Partial<SpecSecurity>, boundingSet = CAPABILITIES): readonly string[] {
  return withSecurity(security, { boundingSet }).process.capabilities.bounding.map((name) => name.slice("CAP_".length));
}

describe("capabilities", () => {
  const without = (...names: string[]): string[] => CAPABILITIES.filter((name) => !names.includes(name));
  test.each([
    ["the defaults", {}, [...DEFAULT_CAPABILITIES]],
    [
      "one more, prefixed and in lower case",
      { addCapabilities: ["cap_net_admin"] },
      [...DEFAULT_CAPABILITIES, "NET_ADMIN"],
    ],
    ["one less", { dropCapabilities: ["NET_RAW"] }, DEFAULT_CAPABILITIES.filter((name) => name !== "NET_RAW")],
    ["all", { addCapabilities: ["ALL"] }, [...CAPABILITIES]],
    ["all but one", { addCapabilities: ["ALL"], dropCapabilities: ["CHOWN"] }, without("CHOWN")],
    ["none", { dropCapabilities: ["ALL"] }, []],
    ["none but one", { addCapabilities: ["KILL"], dropCapabilities: ["ALL"] }, ["KILL"]],
    ["privileged: all, whatever is dropped", { privileged: true, dropCapabilities: ["ALL"] }, [...CAPABILITIES]],
  ])("%s", (_, security, expected) => {
    expect(capabilities(security).toSorted()).toEqual(expected.toSorted());
  });

  test("are cut to what the daemon may give, and the rest can be told", () => {
    const available = without("SYS_RESOURCE", "CHOWN").map((name) => `CAP_${name}`);
    expect(capabilities({ privileged: true }, available)).toEqual(without("SYS_RESOURCE", "CHOWN"));
    expect(missingCapabilities({ ...SECURITY, addCapabilities: ["SYS_RESOURCE"] }, available)).toEqual([
      "CHOWN",
      "SYS_RESOURCE",
    ]);
  });

  test("are never inheritable or ambient", () => {
    const { inheritable, ambient } = withSecurity({ privileged: true }).process.capabilities;
    expect([...inheritable, ...ambient]).toEqual([]);
  });

  test("an unknown name is refused with the field and the value", () => {
    expect(() => withSecurity({ addCapabilities: ["NET_ADMINN"] })).toThrow(/add capability "NET_ADMINN"/);
    expect(() => withSecurity({ dropCapabilities: [""] })).toThrow(MinkeError);
  });

  test("parseCapabilityMask() reads the kernel's mask", () => {
    expect(parseCapabilityMask("00000000a80425fb").toSorted()).toEqual([...DEFAULT_CAPABILITIES].toSorted());
    expect(parseCapabilityMask("000001ffffffffff")).toEqual(CAPABILITIES);
  });
});

describe("mounts", () => {
  const destinations = (input: Partial<SpecInput>): readonly string[] =>
    buildSpec({ ...INPUT, ...input }).mounts.map((mount) => mount.destination);
  const mountOn = (destination: string, input: Partial<SpecInput> = {}) =>
    buildSpec({ ...INPUT, ...input }).mounts.find((mount) => mount.destination === destination);

  test("the Pod's /dev/shm is bound; with the host's IPC namespace, the host's; else it is a tmpfs", () => {
    const { shmPath: _, ...withoutShm } = INPUT;
    expect(mountOn("/dev/shm")?.source).toBe("/state/shm");
    expect(mountOn("/dev/shm", { namespaces: { pid: "new" } })?.source).toBe("/dev/shm");
    expect(buildSpec(withoutShm).mounts.find((mount) => mount.destination === "/dev/shm")?.type).toBe("tmpfs");
  });

  test("parents come before children, whatever the order asked for", () => {
    const bind = (destination: string) =>
      ({ source: "/x", destination, readonly: false, propagation: "private" }) as const;
    const own = destinations({ mounts: [bind("/data/a/b"), bind("/data"), bind("/data/a/")] }).slice(-3);
    expect(own).toEqual(["/data", "/data/a", "/data/a/b"]);
  });

  test("a mount replaces the default on its path, and one on /dev all below it", () => {
    const mounts = [{ source: "/dev", destination: "/dev", readonly: false, propagation: "private" }] as const;
    expect(destinations({ mounts })).toEqual(["/proc", "/sys", "/sys/fs/cgroup", "/dev"]);
    const shm = [{ source: "/mine", destination: "/dev/shm", readonly: false, propagation: "private" }] as const;
    expect(destinations({ mounts: shm }).filter((path) => path === "/dev/shm")).toHaveLength(1);
  });

  test.each([
    ["private", "rprivate", undefined],
    ["hostToContainer", "rslave", "rslave"],
    ["bidirectional", "rshared", "rshared"],
  ] as const)("propagation %s", (propagation, option, root) => {
    const mounts = [{ source: "/x", destination: "/y", readonly: true, propagation }] as const;
    const spec = buildSpec({ ...INPUT, mounts });
    expect(spec.mounts.at(-1)?.options).toEqual(["rbind", option, "ro"]);
    expect(spec.linux.rootfsPropagation).toBe(root);
  });

  test("/sys and the cgroups are writable for privileged containers only", () => {
    for (const path of ["/sys", "/sys/fs/cgroup"]) {
      expect(mountOn(path)?.options).toContain("ro");
      expect(mountOn(path, { security: { ...SECURITY, privileged: true } })?.options).toContain("rw");
    }
  });
});

describe("namespaces", () => {
  const types = (input: Partial<SpecInput>): readonly string[] =>
    buildSpec({ ...INPUT, ...input }).linux.namespaces.map(({ type, path }) => (path ? `${type}:${path}` : type));
  test.each([
    [{}, ["mount", "pid", "network:/ns/net", "ipc:/ns/ipc", "uts:/ns/uts"]],
    [{ namespaces: { pid: "host" } }, ["mount"]],
    [{ namespaces: { pid: { path: "/proc/7/ns/pid" } }, cgroupVersion: 2 }, ["mount", "pid:/proc/7/ns/pid", "cgroup"]],
  ] as const)("%j", (input, expected) => {
    expect(types(input)).toEqual(expected);
  });
});

describe("resources", () => {
  test("what is not limited is absent; devices are denied", () => {
    expect(buildSpec(INPUT).linux.resources).toEqual({ devices: [{ allow: false, type: "a", access: "rwm" }] });
    const unlimited = { memoryBytes: -1, pids: -1 };
    expect(Object.keys(buildSpec({ ...INPUT, resources: unlimited }).linux.resources)).toEqual(["devices"]);
  });

  test("limits in the spec's words; no swap where the host can tell", () => {
    const resources = {
      cpuShares: 512,
      cpuQuotaUs: 50_000,
      memoryBytes: 1 << 20,
      pids: 10,
      blockIo: [{ device: "8:16", readBps: 5, writeIops: 7 }],
    };
    const spec = buildSpec({ ...INPUT, resources, abilities: ABLE });
    expect(spec.linux.resources).toMatchObject({
      cpu: { shares: 512, quota: 50_000, period: 100_000 },
      memory: { limit: 1 << 20, swap: 1 << 20 },
      pids: { limit: 10 },
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 16, rate: 5 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 7 }],
        throttleWriteBpsDevice: [],
      },
    });
    expect(buildSpec({ ...INPUT, resources }).linux.resources.memory).toEqual({ limit: 1 << 20 });
    const broken = { blockIo: [{ device: "sda", readBps: 1 }] };
    expect(() => buildSpec({ ...INPUT, resources: broken })).toThrow(/device "sda".*major:minor/);
  });

  test("swap, processors and huge pages of their own, as far as the host has them", () => {
    const hugepages = [{ pageSize: "2MB", bytes: 0 }];
    const resources = { memoryBytes: 100, memorySwapBytes: 150, cpusetCpus: "0-1", cpusetMems: "0", hugepages };
    expect(buildSpec({ ...INPUT, resources, abilities: ABLE }).linux.resources).toMatchObject({
      cpu: { cpus: "0-1", mems: "0" },
      memory: { limit: 100, swap: 150 },
      hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
    });
    const { memory, hugepageLimits } = buildSpec({ ...INPUT, resources }).linux.resources;
    expect([memory, hugepageLimits]).toEqual([{ limit: 100 }, undefined]);
    const some = { hugepages: [{ pageSize: "2MB", bytes: 1 << 21 }] };
    expect(() => buildSpec({ ...INPUT, resources: some })).toThrow(/huge pages of 2MB/);
  });

  test("files of cgroup v2 are passed on, and refused on v1", () => {
    const resources = { unified: { "memory.high": "100" } };
    expect(buildSpec({ ...INPUT, resources, cgroupVersion: 2 }).linux.resources.unified).toMatchObject({
      "memory.high": "100",
    });
    expect(() => buildSpec({ ...INPUT, resources })).toThrow(/unified\["memory.high"\].*v1/);
  });

  test("on cgroup v2 the weight is told as a weight, and the kernel kills a container for memory as a whole", () => {
    const resources = { cpuShares: 512, cpuQuotaUs: 50_000 };
    expect(buildSpec({ ...INPUT, resources, cgroupVersion: 2 }).linux.resources).toMatchObject({
      cpu: { quota: 50_000, period: 100_000 },
      unified: { "memory.oom.group": "1", "cpu.weight": "59" },
    });
    expect(buildSpec({ ...INPUT, cgroupVersion: 2 }).linux.resources.unified).toEqual({ "memory.oom.group": "1" });
  });

  test("oom_score_adj is not below what the daemon may set", () => {
    const score = (oomScoreAdj: number) =>
      buildSpec({ ...INPUT, resources: { oomScoreAdj }, oomScoreAdjMin: -100 }).process.oomScoreAdj;
    expect([score(-997), score(1000)]).toEqual([-100, 1000]);
    // Not the daemon's own, which is protected.
    expect(buildSpec(INPUT).process.oomScoreAdj).toBe(0);
  });
});

describe("environment", () => {
  const env = (input: Partial<SpecInput>): readonly string[] => buildSpec({ ...INPUT, ...input }).process.env;
  test("defaults stand below what is set, and the last of a name wins", () => {
    const user = { ...INPUT.user, home: "/root" };
    expect(env({ env: ["PATH=/bin", "A=1", "A=2=3", "EMPTY="], tty: true, hostname: "pod", user })).toEqual([
      "PATH=/bin",
      "HOSTNAME=pod",
      "TERM=xterm",
      "HOME=/root",
      "A=2=3",
      "EMPTY=",
    ]);
    expect(env({ env: ["HOME=/data"] })).toContain("HOME=/data");
    expect(env({ env: ["=x", "novalue"] })).toEqual([expect.stringMatching(/^PATH=/), "HOME=/"]);
  });
});

describe("security", () => {
  test("privileged: no masks, no seccomp, all devices", () => {
    const device = { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 } as const;
    const { linux } = withSecurity(
      { privileged: true, seccomp: { type: "runtimeDefault" }, maskedPaths: ["/x"] },
      { devices: [device] },
    );
    expect(linux).toMatchObject({ maskedPaths: [], readonlyPaths: [], devices: [device] });
    expect(linux.seccomp).toBeUndefined();
    expect(linux.resources.devices).toEqual([{ allow: true, type: "a", access: "rwm" }]);
  });

  test("masked and read-only paths: the defaults, the thermal counters per CPU, or what is given", () => {
    const { linux } = withSecurity({}, { cpus: 2 });
    expect(linux.maskedPaths).toContain("/proc/kcore");
    expect(linux.maskedPaths).toContain("/sys/devices/system/cpu/cpu1/thermal_throttle");
    expect(linux.readonlyPaths).toEqual(DEFAULT_READONLY_PATHS);
    expect(withSecurity({ maskedPaths: [], readonlyPaths: ["/tmp"] }).linux).toMatchObject({
      maskedPaths: [],
      readonlyPaths: ["/tmp"],
    });
    expect(linux.devices).toEqual([]);
  });

  test("single devices may be used, the others not", () => {
    const device = { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 } as const;
    const rule = { allow: true, type: "c", major: 10, minor: 229, access: "rw" } as const;
    const { linux } = buildSpec({ ...INPUT, devices: [device], deviceRules: [rule] });
    expect(linux.devices).toEqual([device]);
    expect(linux.resources.devices).toEqual([{ allow: false, type: "a", access: "rwm" }, rule]);
  });

  test("an AppArmor profile confines the process, and an exec", () => {
    const { process } = withSecurity({ apparmorProfile: "mine" });
    expect(buildExecProcess(process, { command: ["sh"], tty: false }).apparmorProfile).toBe("mine");
  });

  test("RuntimeDefault allows by capability, and answers ENOSYS to clone3", () => {
    const rules = (security: Partial<SpecSecurity>) =>
      withSecurity({ ...security, seccomp: { type: "runtimeDefault" } }).linux.seccomp?.syscalls ?? [];
    const allowed = (security: Partial<SpecSecurity>) => rules(security)[0]?.names ?? [];
    expect(allowed({})).toEqual(expect.arrayContaining(["openat", "chroot"]));
    expect(allowed({})).not.toContain("mount");
    expect(allowed({})).not.toContain("clone");
    expect(allowed({})).not.toContain("io_uring_setup");
    expect(allowed({ dropCapabilities: ["ALL"] })).not.toContain("chroot");
    expect(rules({}).find((rule) => rule.names[0] === "clone3")).toMatchObject({ errnoRet: 38 });
    expect(allowed({ addCapabilities: ["SYS_ADMIN"] })).toEqual(expect.arrayContaining(["mount", "clone", "clone3"]));
    expect(rules({ addCapabilities: ["SYS_ADMIN"] }).some((rule) => rule.errnoRet === 38)).toBe(false);
  });

  test("a localhost profile is taken as it is; a broken one names its path", () => {
    const seccomp = { type: "localhost", path: "/p.json" } as const;
    const profile = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
    expect(withSecurity({ seccomp }, { seccompProfileJson: JSON.stringify(profile) }).linux.seccomp).toEqual(profile);
    for (const text of ["{", "[]", '{"defaultAction":1}', "null"]) {
      expect(() => withSecurity({ seccomp }, { seccompProfileJson: text })).toThrow(/seccomp profile "\/p\.json"/);
    }
  });
});

test("buildExecProcess() keeps all of the container but command, terminal and what is set anew", () => {
  const container = withSecurity({ noNewPrivileges: true }).process;
  const exec = buildExecProcess(container, { command: ["sh"], tty: true, env: ["A=9"] });
  expect(exec).toEqual({
    ...container,
    args: ["sh"],
    terminal: true,
    env: ["TERM=xterm", ...container.env.map((entry) => (entry === "A=1" ? "A=9" : entry))],
  });
});
