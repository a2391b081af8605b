/**
 * `npm run test:vm`: boots a small Debian with systemd and cgroup v2 under QEMU (software emulation, no KVM needed) and runs
 * the core integration tests in it: that is the machine users have, and CI's is not. The root file system and the
 * initramfs are built once into .cache/vm; the checkout comes in on a second disk. Runs as root, or by sudo.
 * Usage: npm run test:vm [-- TEST_FILE… | --shell]   (--shell: a root shell on the machine's console instead of the tests)
 * Environment: MINKE_VM_DEBIAN=trixie for another Debian than bookworm.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
/** Which Debian; a newer one brings a newer kernel, systemd, crun and conmon. */
const suite = process.env["MINKE_VM_DEBIAN"] ?? "bookworm";
const cache = join(root, ".cache/vm", suite);
/** Debian packages of the machine; the first line is the system, the second what `tools/setup.sh` installs. */
const PACKAGES = [
  "systemd-sysv,dbus,linux-image-cloud-amd64,udev,kmod,iproute2,procps,busybox-static",
  "crun,conmon,runc,catatonit,containernetworking-plugins,iptables,nftables,tar,curl",
].join(",");
/** What the initramfs loads before it can mount the disks, dependencies aside. */
const BOOT_MODULES = ["virtio_pci", "virtio_blk", "ext4"];
/** The core of the suite: what differs between cgroup versions and init systems. */
const CORE = [
  "test/contract/agent",
  "test/contract/host",
  "test/integration/network",
  "test/integration/node-crash",
  "test/integration/node-pod",
  "test/integration/oci-spec",
  "test/integration/runtime-",
  "test/integration/systemd.test",
  "test/integration/systemd-cgroups",
];
/** What is run once more with the cgroup driver systemd: crashes of the daemon at any moment. */
const WITH_SYSTEMD = ["test/integration/node-crash", "test/integration/runtime-recovery"];
/** Runs before and after a reboot, behind all of {@link CORE}. */
const REBOOT_TEST = "test/integration/systemd-reboot";
/** Says, on the machine's own disk, that it has rebooted. */
const REBOOTED = "/var/lib/minke-vm-rebooted";
/**
 * All that QEMU can emulate, but what V8 uses and QEMU 7.2 gets wrong: protection keys under newer kernels, and AVX, which was
 * new in it, and with which Node.js dies of SIGSEGV now and then.
 */
const CPU = "max,pku=off,avx=off,avx2=off,fma=off,f16c=off";
const MEMORY_MIB = 3072;
/** Until the machine is given up: some 20 minutes of tests on two idle cores, and many more on busy ones. */
const TIMEOUT_MS = 60 * 60_000;
/** Milliseconds for one test or hook: everything takes about ten times as long under software emulation. */
const TEST_TIMEOUT_MS = 240_000;
/** How much of an unended line of the console is kept. */
const LINE_CHARS_MAX = 400;
/** Runs of vitest that tell a result: the core, its part with another driver, and one on each side of the reboot. */
const RUNS = 4;
/** Comes before the three counts on the console. */
const RESULT = "VM-RESULT";
const ENVIRONMENT = "export PATH=/minke/node_modules/.bin:$PATH HOME=/root MINKE_VM=1 NO_COLOR=1";
const SHELL = `cd /minke
${ENVIRONMENT} TERM=dumb
exec bash -i
`;
const asked = process.argv.slice(2).filter((argument) => argument !== "--shell");
const shell = process.argv.includes("--shell");

if (process.getuid?.() !== 0) {
  const again = [process.execPath, ...process.argv.slice(1)];
  process.exit(spawnSync("sudo", ["--preserve-env=MINKE_VM_DEBIAN", ...again], { stdio: "inherit" }).status ?? 1);
}
mkdirSync(cache, { recursive: true });
step("machine", () => isBuilt() || buildRoot());
step("checkout disk", () => buildCheckout());
process.exit(await boot());

function step(name: string, work: () => unknown): void {
  const start = performance.now();
  process.stderr.write(`vm: ${name} ... `);
  work();
  process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 });
}

/** Whether there is a machine of this very recipe. */
function isBuilt(): boolean {
  const stamp = join(cache, "recipe");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === recipe();
}

function recipe(): string {
  const parts = [suite, PACKAGES, BOOT_MODULES.join(), String(buildRoot), String(buildInitramfs)];
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}

/** Debian's root with its kernel, an initramfs of busybox and a few modules, and a unit that runs the tests. */
function buildRoot(): void {
  const tree = join(cache, "root");
  rmSync(tree, { recursive: true, force: true });
  run("mmdebstrap", "--variant=minbase", `--include=${PACKAGES}`, "--quiet", suite, tree);
  writeFileSync(
    join(tree, "etc/systemd/system/minke-test.service"),
    `[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /minke/run-in-vm.sh
ExecStopPost=/bin/sh -c '[ -e /run/minke-reboots ] || poweroff -f'
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Delegate=yes
[Install]
WantedBy=multi-user.target
`,
  );
  writeFileSync(join(tree, "etc/fstab"), "/dev/vdb /minke ext4 defaults 0 0\n");
  writeFileSync(join(tree, "etc/hostname"), "minke-vm\n");
  mkdirSync(join(tree, "minke"), { recursive: true });
  run("chroot", tree, "systemctl", "enable", "minke-test.service");
  run("chroot", tree, "systemctl", "mask", "serial-getty@ttyS0.service");

  const kernel = readdirSync(join(tree, "lib/modules"))[0]!;
  cpSync(join(tree, `boot/vmlinuz-${kernel}`), join(cache, "vmlinuz"));
  buildInitramfs(tree, kernel);
  rmSync(join(tree, "boot"), { recursive: true, force: true });
  image(tree, join(cache, "root.img.new"), 2048);
  run("mv", join(cache, "root.img.new"), join(cache, "root.img"));
  rmSync(tree, { recursive: true, force: true });
  writeFileSync(join(cache, "recipe"), recipe());
}

function buildInitramfs(tree: string, kernel: string): void {
  const initramfs = join(cache, "initramfs");
  rmSync(initramfs, { recursive: true, force: true });
  for (const folder of ["bin", "proc", "sys", "dev", "root", "modules"])
    mkdirSync(join(initramfs, folder), { recursive: true });
  cpSync(join(tree, "bin/busybox"), join(initramfs, "bin/busybox"));
  const files = BOOT_MODULES.flatMap((module) =>
    run("modprobe", "-d", tree, "-S", kernel, "--show-depends", module)
      .split("\n")
      .filter((line) => line.startsWith("insmod "))
      .map((line) => line.split(" ")[1]!),
  );
  const names = [...new Set(files)].map((file, index) => {
    const name = `${String(index).padStart(2, "0")}.ko`;
    const module = file.endsWith(".xz")
      ? execFileSync("xz", ["-dc", file], { maxBuffer: 64 << 20 })
      : readFileSync(file);
    writeFileSync(join(initramfs, "modules", name), module);
    return name;
  });
  const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in ${names.join(" ")}; do /bin/busybox insmod /modules/$module; done
for try in 1 2 3 4 5 6 7 8 9; do [ -b /dev/vda ] && break; /bin/busybox sleep 1; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox umount /proc
/bin/busybox umount /sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
`;
  writeFileSync(join(initramfs, "init"), init, { mode: 0o755 });
  execFileSync("sh", ["-c", "find . | cpio -o -H newc --quiet | gzip -1 > ../initramfs.gz"], { cwd: initramfs });
  rmSync(initramfs, { recursive: true, force: true });
}

/** The sources, the tests and the packages that run them, with the script that the unit starts. */
function buildCheckout(): void {
  const stage = join(cache, "checkout");
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(join(stage, "node_modules"), { recursive: true });
  for (const name of ["src", "test", "bin", "tools", "examples", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    if (existsSync(join(root, name)))
      cpSync(join(root, name), join(stage, name), { recursive: true, verbatimSymlinks: true });
  }
  const skip = /^(@oxlint|@oxfmt|@oxc|oxlint|oxfmt|@typescript|typescript|knip|esbuild|@esbuild|\.cache)/;
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (skip.test(name)) continue;
    cpSync(join(root, "node_modules", name), join(stage, "node_modules", name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  writeFileSync(
    join(stage, "run-in-vm.sh"),
    shell ? SHELL : testsOf(asked.length > 0 ? asked : CORE, asked.length === 0),
  );
  image(stage, join(cache, "checkout.img"), 1024);
  rmSync(stage, { recursive: true, force: true });
}

/**
 * What the machine does once it is up: it runs the tests and tells the numbers behind {@link RESULT}; then it reboots, and
 * looks what has become of the Pods. The disks' changes last as long as QEMU runs.
 */
function testsOf(files: readonly string[], reboots: boolean): string {
  return `cd /minke
${ENVIRONMENT}
run() {
  vitest run --project integration --testTimeout=${TEST_TIMEOUT_MS} --hookTimeout=${TEST_TIMEOUT_MS} --reporter=verbose \\
    --reporter=json --outputFile.json=/tmp/report.json "$@" >/tmp/pipe 2>&1 & cat /tmp/pipe
  wait $!
  node -e '
    const report = JSON.parse(require("fs").readFileSync("/tmp/report.json", "utf8"));
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: pending, numTodoTests: todo } = report;
    const broken = report.testResults.filter(({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((each) => each.status === "failed")).length;
    const outside = failed + broken === 0 && process.argv[1] !== "0" ? 1 : 0;
    console.log("${RESULT}", passed, failed + broken + outside, pending + todo);
  ' $?
  sync
}
rm -f /tmp/pipe; mkfifo /tmp/pipe
${reboots ? `if [ -e ${REBOOTED} ]; then MINKE_REBOOT=after run ${REBOOT_TEST}; exit; fi` : ""}
echo "vm: $(uname -r), $(stat -fc %T /sys/fs/cgroup), $(crun --version | head -1), $(conmon --version | head -1)"
run ${files.join(" ")}
${reboots ? `MINKE_CGROUP_DRIVER=systemd run ${WITH_SYSTEMD.join(" ")}` : ""}
${reboots ? `MINKE_REBOOT=before run ${REBOOT_TEST}\ntouch ${REBOOTED} /run/minke-reboots; sync; systemctl --no-wall reboot` : ""}
`;
}

/** An ext4 image of a folder, with room to write. */
function image(folder: string, file: string, sizeMib: number): void {
  rmSync(file, { force: true });
  run("mke2fs", "-q", "-t", "ext4", "-d", folder, file, `${sizeMib}M`);
}

/** Boots, shows the console from the first line of the tests on, and resolves with the exit code of the tests. */
async function boot(): Promise<number> {
  const qemu = spawn(
    "qemu-system-x86_64",
    [
      "-machine",
      "q35",
      "-accel",
      "tcg,thread=multi",
      "-cpu",
      CPU,
      "-smp",
      "2",
      "-m",
      String(MEMORY_MIB),
      "-nographic",
      "-nodefaults",
      "-serial",
      "stdio",
      "-kernel",
      join(cache, "vmlinuz"),
      "-initrd",
      join(cache, "initramfs.gz"),
      "-append",
      "console=ttyS0 quiet systemd.show_status=false systemd.unified_cgroup_hierarchy=1 mitigations=off",
      "-drive",
      `file=${join(cache, "root.img")},if=virtio,format=raw,snapshot=on`,
      "-drive",
      `file=${join(cache, "checkout.img")},if=virtio,format=raw,snapshot=on`,
      "-object",
      "rng-random,id=rng0,filename=/dev/urandom",
      "-device",
      "virtio-rng-pci,rng=rng0",
    ],
    { stdio: [shell ? "inherit" : "ignore", "pipe", "inherit"] },
  );
  const deadline = setTimeout(() => qemu.kill("SIGKILL"), TIMEOUT_MS);
  const stop = (): void => void qemu.kill("SIGTERM");
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let results = 0;
  let line = "";
  for await (const chunk of qemu.stdout) {
    process.stdout.write(chunk as Buffer);
    const lines = (line + String(chunk)).split("\n");
    line = lines.pop()!.slice(-LINE_CHARS_MAX);
    for (const result of lines.map((each) => new RegExp(`${RESULT} (\\d+) (\\d+) (\\d+)`).exec(each))) {
      if (!result) continue;
      results++;
      counts.passed += Number(result[1]);
      counts.failed += Number(result[2]);
      counts.skipped += Number(result[3]);
    }
  }
  clearTimeout(deadline);
  if (shell) return 0;
  const expected = asked.length > 0 ? 1 : RUNS;
  if (results < expected) {
    console.log("FAILED  the machine ended before its tests did");
    counts.failed++;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 ? 0 : 1;
}
