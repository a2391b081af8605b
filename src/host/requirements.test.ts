import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { allMet, checkRequirements, type Requirement } from "./requirements.ts";

let system = "";
beforeEach(async () => {
  system = await mkdtemp(join(tmpdir(), "minke-system-"));
});
afterEach(async () => {
  await rm(system, { recursive: true, force: true });
});

async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(system, path)), { recursive: true });
    await writeFile(join(system, path), content);
    await chmod(join(system, path), 0o755);
  }
}

const HEALTHY: Readonly<Record<string, string>> = {
  "/proc/self/status": "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n",
  "/proc/sys/kernel/osrelease": "6.1.0-13-cloud-amd64\n",
  "/proc/sys/kernel/seccomp/actions_avail": "",
  "/proc/sys/net/ipv4/ip_forward": "1\n",
  "/proc/filesystems": "nodev\tproc\nnodev\toverlay\n",
  "/proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
  ...Object.fromEntries(["net", "ipc", "uts", "pid", "mnt", "user"].map((kind) => [`/proc/self/ns/${kind}`, ""])),
  ...Object.fromEntries(
    ["perl", "crun", "conmon", "catatonit", "tar", "iptables", "ip"].map((name) => [`/usr/bin/${name}`, ""]),
  ),
  ...Object.fromEntries(["bridge", "host-local", "portmap"].map((name) => [`/usr/lib/cni/${name}`, ""])),
};

async function check(): Promise<readonly Requirement[]> {
  return (await checkRequirements({ system, root: join(system, "var/lib/minke"), path: "/bin:/usr/bin" })).filter(
    ({ name }) => name !== "free space", // the only one that asks the machine that runs the test
  );
}

test("a healthy host has all", async () => {
  await put(HEALTHY);
  const requirements = await check();
  expect(requirements.filter(({ status }) => status !== "found")).toEqual([]);
  expect(allMet(requirements)).toBe(true);
});

test.each<[string, Readonly<Record<string, string>>, string, Requirement["status"], RegExp]>([
  ["another user", { "/proc/self/status": "Uid:\t7\t7\nCapEff:\t0\n" }, "root", "missing", /sudo/],
  ["no capabilities", { "/proc/self/status": "Uid:\t0\t0\nCapEff:\t0\n" }, "capabilities", "missing", /privileged/],
  [
    "no CAP_SYS_RESOURCE",
    { "/proc/self/status": "Uid:\t0\t0\nCapEff:\t000001fffeffffff\n" },
    "CAP_SYS_RESOURCE",
    "warning",
    /CAP_SYS_RESOURCE/,
  ],
  ["an old kernel", { "/proc/sys/kernel/osrelease": "4.19.0" }, "kernel", "warning", /5\.10/],
  ["no overlayfs", { "/proc/filesystems": "nodev\tproc\n" }, "overlayfs", "missing", /^modprobe overlay$/],
  [
    "overlayfs as a module that is not loaded yet",
    {
      "/proc/filesystems": "nodev\tproc\n",
      "/lib/modules/6.1.0-13-cloud-amd64/modules.dep": "kernel/fs/overlayfs/overlay.ko.xz: kernel/x.ko\n",
    },
    "overlayfs",
    "found",
    /^$/,
  ],
  ["no forwarding", { "/proc/sys/net/ipv4/ip_forward": "0" }, "ip_forward", "warning", /^sysctl -w/],
  ["no cgroups", { "/proc/self/mountinfo": "" }, "cgroup", "missing", /^mount -t cgroup2/],
  [
    "no memory",
    { "/sys/fs/cgroup/cgroup.controllers": "cpu" },
    "cgroup controllers",
    "missing",
    /cgroup_enable=memory/,
  ],
])("a host with %s", async (_what, files, name, status, remedy) => {
  await put({ ...HEALTHY, ...files });
  const found = (await check()).find((requirement) => requirement.name === name);
  expect(found).toMatchObject({ status, remedy: expect.stringMatching(remedy) });
});

test.each([
  ["/usr/bin/crun", "crun", "missing", "apt-get install crun"],
  ["/usr/bin/catatonit", "catatonit", "warning", "apt-get install catatonit"],
  ["/usr/bin/iptables", "iptables", "warning", "apt-get install iptables"],
  ["/usr/bin/ip", "ip", "warning", "apt-get install iproute2"],
  ["/usr/lib/cni/portmap", "CNI plugins", "missing", "apt-get install containernetworking-plugins"],
])("a host without %s", async (path, name, status, remedy) => {
  await put(HEALTHY);
  await rm(join(system, path));
  expect((await check()).find((requirement) => requirement.name === name)).toMatchObject({ status, remedy });
});

test("a hybrid host with a stray controller is told how to mount it", async () => {
  const v1 = ["cpu,cpuacct", "cpuset", "memory", "pids", "devices", "freezer"].map(
    (name, i) => `${i} 1 0:${i} / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`,
  );
  const unified = "40 1 0:99 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
  await put({
    ...HEALTHY,
    "/proc/self/mountinfo": [...v1, unified].join("\n"),
    "/sys/fs/cgroup/unified/cgroup.controllers": "hugetlb\n",
  });
  const requirements = await check();
  expect(allMet(requirements)).toBe(true);
  expect(requirements.find(({ name }) => name === "cgroup hybrid layout")).toMatchObject({
    status: "warning",
    remedy: "mkdir -p /sys/fs/cgroup/hugetlb && mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb",
  });
});

test("the cgroup driver is told, and systemd is missing only for who asks for it", async () => {
  const driver = async (cgroupDriver: "cgroupfs" | "systemd" | "auto"): Promise<Requirement | undefined> =>
    (await checkRequirements({ system, root: join(system, "var/lib/minke"), cgroupDriver })).find(
      ({ name }) => name === "cgroup driver",
    );
  await put(HEALTHY);
  expect(await driver("auto")).toMatchObject({
    status: "found",
    detail: "cgroupfs; systemd can not be: systemd is not this machine's init",
  });
  await mkdir(join(system, "run/systemd/system"), { recursive: true });
  expect(await driver("systemd")).toMatchObject({ status: "missing", remedy: "apt-get install dbus" });
  await put({ "/run/dbus/system_bus_socket": "", "/usr/bin/busctl": "", "/usr/bin/systemctl": "" });
  expect(await driver("cgroupfs")).toMatchObject({ detail: expect.stringContaining("--cgroup-driver systemd") });
  for (const asked of ["systemd", "auto"] as const) {
    expect(await driver(asked)).toMatchObject({ status: "found", detail: "systemd" });
  }
  await put({ "/proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" });
  expect((await driver("systemd"))?.detail).toContain("cgroup version 1");
});
