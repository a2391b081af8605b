/** What the spec builder says is what the kernel shows: built specs run by crun itself, with nothing of Minke around it. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createHost } from "../../src/host/create-host.ts";
import { boundingSet, DEFAULT_CAPABILITIES, parseCapabilityMask } from "../../src/oci/capabilities.ts";
import { hostDevices } from "../../src/oci/host-devices.ts";
import { buildExecProcess, buildSpec, type SpecInput, type SpecSecurity } from "../../src/oci/spec.ts";
import { cgroupAbilities } from "../../src/oci/cgroup-abilities.ts";
import { resolveUser } from "../../src/oci/users.ts";
import { busyboxTar } from "../fixtures/busybox.ts";

let directory: string;
let rootfs: string;
let available: readonly string[];
let cgroupVersion: 1 | 2;
let runs = 0;
const CRUN = "crun";
/** Parent of the containers' cgroups. */
const CGROUP = `minke-oci-test-${process.pid}`;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "minke-oci-"));
  rootfs = join(directory, "rootfs");
  mkdirSync(rootfs);
  execFileSync("tar", ["-C", rootfs, "-xf", busyboxTar()]);
  available = await boundingSet();
  await using host = await createHost();
  await host.cgroup.prepare();
  await host.cgroup.create(CGROUP, {});
  cgroupVersion = host.cgroup.version;
});
afterAll(async () => {
  await using host = await createHost();
  await host.cgroup.remove(CGROUP);
  rmSync(directory, { recursive: true });
});

type Over = Partial<Omit<SpecInput, "security">> & { readonly security?: Partial<SpecSecurity> };

function spec(over: Over): ReturnType<typeof buildSpec> {
  return buildSpec({
    rootfs,
    readonlyRootfs: false,
    args: [],
    env: [],
    cwd: "/",
    tty: false,
    user: { uid: 0, gid: 0, additionalGids: [0] },
    namespaces: { pid: "new" },
    mounts: [],
    resources: {},
    cgroupsPath: `/${CGROUP}/${runs}`,
    boundingSet: available,
    annotations: {},
    arch: process.arch,
    cgroupVersion,
    ...over,
    security: {
      privileged: false,
      addCapabilities: [],
      dropCapabilities: [],
      noNewPrivileges: false,
      seccomp: { type: "unconfined" },
      ...over.security,
    },
  });
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell script in a container of its own. */
function run(script: string, over: Over = {}): Ended {
  const bundle = join(directory, `bundle${++runs}`);
  mkdirSync(bundle);
  writeFileSync(join(bundle, "config.json"), JSON.stringify(spec({ args: ["/bin/sh", "-c", script], ...over })));
  return crun("run", "--bundle", bundle, `minke-oci-test-${process.pid}-${runs}`);
}

function crun(...args: string[]): Ended {
  const ended = spawnSync(CRUN, ["--root", join(directory, "crun"), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

function status(text: string, field: string): string {
  return new RegExp(`^${field}:\\s*(.*?)\\s*$`, "m").exec(text)?.[1] ?? "";
}
const STATUS = "cat /proc/self/status";

describe("capabilities", () => {
  test("by default the fourteen, as far as the daemon has them", () => {
    const text = run(STATUS).stdout;
    const expected = DEFAULT_CAPABILITIES.filter((name) => available.includes(name)).toSorted();
    for (const set of ["CapBnd", "CapEff", "CapPrm"]) {
      expect(parseCapabilityMask(status(text, set)).toSorted()).toEqual(expected);
    }
    for (const set of ["CapInh", "CapAmb"]) expect(status(text, set)).toMatch(/^0+$/);
  });

  test("dropping all leaves none; privileged has all that the daemon has", () => {
    expect(status(run(STATUS, { security: { dropCapabilities: ["ALL"] } }).stdout, "CapBnd")).toMatch(/^0+$/);
    const privileged = run(STATUS, { security: { privileged: true } });
    expect(parseCapabilityMask(status(privileged.stdout, "CapEff"))).toEqual(available);
  });

  test("added ones do not become effective for a user other than root", () => {
    const user = { uid: 1000, gid: 1000, additionalGids: [1000] };
    const text = run(STATUS, { user, security: { addCapabilities: ["NET_ADMIN"] } }).stdout;
    expect(status(text, "CapEff")).toMatch(/^0+$/);
    expect(parseCapabilityMask(status(text, "CapBnd"))).toContain("NET_ADMIN");
  });
});

describe("seccomp and no_new_privs", () => {
  test("RuntimeDefault filters: mode 2, no new namespaces, clone3 falls back", () => {
    const ended = run(`${STATUS}; unshare -m true || echo refused; sh -c 'echo forked'`, {
      security: { seccomp: { type: "runtimeDefault" }, noNewPrivileges: true },
    });
    expect(status(ended.stdout, "Seccomp")).toBe("2");
    expect(status(ended.stdout, "NoNewPrivs")).toBe("1");
    expect(ended.stdout).toMatch(/refused\nforked\n$/);
  });

  test("unconfined: mode 0, and privileged ignores a profile", () => {
    expect(status(run(STATUS).stdout, "Seccomp")).toBe("0");
    const privileged = { privileged: true, seccomp: { type: "runtimeDefault" } } as const;
    expect(status(run(STATUS, { security: privileged }).stdout, "Seccomp")).toBe("0");
  });

  test("a localhost profile denies what it names", () => {
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["chmod", "fchmodat"], action: "SCMP_ACT_ERRNO" }],
    };
    const ended = run("chmod 700 /tmp", {
      security: { seccomp: { type: "localhost", path: "/profile.json" } },
      seccompProfileJson: JSON.stringify(profile),
    });
    expect(ended.stderr).toContain("Operation not permitted");
  });
});

describe("file systems", () => {
  test("masked and read-only paths", () => {
    const ended = run("cat /proc/kcore | wc -c; ls /sys/firmware | wc -l; echo 0 > /proc/sys/kernel/panic || echo ro");
    expect(ended.stdout).toBe("0\n0\nro\n");
    const own = run("/bin/ls; touch /tmp/x", { security: { maskedPaths: ["/bin/ls"], readonlyPaths: ["/tmp"] } });
    expect(own.stderr).toContain("ls: Permission denied");
    expect(own.stderr).toContain("touch: /tmp/x: Read-only file system");
  });

  test("a read-only root, with a writable mount in it", () => {
    const source = join(directory, "volume");
    mkdirSync(source);
    const ended = run("touch /here; echo kept > /tmp/file", {
      readonlyRootfs: true,
      mounts: [{ source, destination: "/tmp", readonly: false, propagation: "private" }],
    });
    expect(ended.stderr).toContain("touch: /here: Read-only file system");
    expect(readFileSync(join(source, "file"), "utf8")).toBe("kept\n");
  });

  test("/sys, cgroups and devices: read-only and few, or all of them when privileged", async () => {
    const script =
      "cd /sys/fs/cgroup; if [ -d memory ]; then cd memory; fi; mkdir x 2>/dev/null || echo ro; ls /dev | tr '\\n' ' '; cat /dev/null && echo null";
    const plain = run(script).stdout;
    expect(plain).toMatch(/^ro\n/);
    expect(plain).toMatch(/full.*null.*ptmx.*random.*tty.*urandom.*zero/);
    expect(plain).not.toMatch(/kmsg|loop|vda|sda/);
    expect(plain).toMatch(/null\n$/);
    const devices = await hostDevices();
    const all = run("ls -R /dev; grep ' /sys ' /proc/mounts", { security: { privileged: true }, devices });
    const seen = new Set(all.stdout.split("\n"));
    const missing = devices.map((device) => device.path.split("/").at(-1)!).filter((name) => !seen.has(name));
    expect({ missing, code: all.code, stderr: all.stderr }).toEqual({ missing: [], code: 0, stderr: "" });
    expect(all.stdout).toMatch(/sysfs rw,/);
  });

  test("a device of the host can not be made and opened", () => {
    // The node itself may be made (MKNOD is a default capability); the cgroup or the mount's nodev keeps it shut.
    const ended = run("mknod /tmp/kmsg c 1 11; head -c 1 /tmp/kmsg");
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain("Operation not permitted");
  });

  test("the Pod's /dev/shm is shared between containers", () => {
    const shmPath = join(directory, "shm");
    mkdirSync(shmPath);
    run("echo hello > /dev/shm/x", { shmPath, namespaces: { pid: "new", ipc: "/proc/self/ns/ipc" } });
    expect(run("cat /dev/shm/x", { shmPath, namespaces: { pid: "new", ipc: "/proc/self/ns/ipc" } }).stdout).toBe(
      "hello\n",
    );
  });
});

describe("process", () => {
  test("user, groups, home and environment from the image", async () => {
    const user = await resolveUser(rootfs, { imageUser: "app", supplementalGroups: [1234] });
    const ended = run("id -u; id -g; id -G; echo $HOME $HOSTNAME $PATH", { user, hostname: "web", env: ["PATH=/bin"] });
    expect(ended.stdout).toBe("1000\n1000\n1000 1234 50000\n/tmp web /bin\n");
  });

  test("limits reach the cgroup, oom_score_adj the process", async () => {
    const script =
      "cat /proc/self/oom_score_adj; cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max " +
      "memory/memory.memsw.limit_in_bytes memory.swap.max cpu/cpu.shares cpu.weight memory.oom.group 2>/dev/null";
    const abilities = await cgroupAbilities(CGROUP);
    const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
    const resources = { memoryBytes: 32 << 20, pids: 64, cpuShares: 256, cpuQuotaUs: 20_000, oomScoreAdj: -999 };
    const ended = run(script, { resources, oomScoreAdjMin: own, abilities });
    const swap = abilities.swap ? `${cgroupVersion === 1 ? 32 << 20 : 0}\n` : "";
    // 256 shares, as a weight 35, the same that the cgroup driver makes of them; and killed for memory as a whole.
    const share = cgroupVersion === 1 ? "256\n" : "35\n1\n";
    expect(ended.stdout).toBe(`${own}\n${32 << 20}\n${swap}${share}`);
  });

  test("an exec runs as the container does", () => {
    const user = { uid: 1000, gid: 1000, additionalGids: [1000, 7] };
    const over = { user, args: ["sleep", "60"], env: ["A=1"], security: { noNewPrivileges: true } } as const;
    const bundle = join(directory, `bundle${++runs}`);
    const id = `minke-oci-test-${process.pid}-${runs}`;
    mkdirSync(bundle);
    const built = spec(over);
    writeFileSync(join(bundle, "config.json"), JSON.stringify(built));
    const exec = buildExecProcess(built.process, { command: ["sh", "-c", `${STATUS}; echo $A`], tty: false });
    writeFileSync(join(bundle, "process.json"), JSON.stringify(exec));
    const nothing = { stdio: "ignore" } as const;
    try {
      execFileSync(CRUN, ["--root", join(directory, "crun"), "run", "-d", "--bundle", bundle, id], nothing);
      const ended = crun("exec", "--process", join(bundle, "process.json"), id);
      expect(status(ended.stdout, "Uid").split(/\s/)[0]).toBe("1000");
      expect(status(ended.stdout, "Groups").split(" ").toSorted()).toEqual(["1000", "7"]);
      expect(status(ended.stdout, "NoNewPrivs")).toBe("1");
      expect(ended.stdout).toMatch(/\n1\n$/);
    } finally {
      crun("delete", "--force", id);
    }
  });
});
