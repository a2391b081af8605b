/** What only the real agent can be asked: descriptors, sessions, daemons that outlive it, big overlays. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import { createMountHost } from "../../src/host/mount.ts";
import { createNamespaceHost } from "../../src/host/namespace.ts";
import { Agent } from "../../src/host/process/agent.ts";
import { createProcessHost } from "../../src/host/process/process.ts";
import { instanceOf } from "../../src/host/instance.ts";
import { auditLeaks, type Inventory, takeInventory } from "../audit.ts";

const agent = new Agent({ clock: systemClock });
const processes = createProcessHost(agent);
const namespaces = createNamespaceHost(agent);
const mounts = createMountHost(agent);
const PATH = process.env["PATH"]!;
let folder: string;
let before: Inventory;

beforeAll(async () => {
  folder = mkdtempSync("/tmp/minke-agent-");
  before = await takeInventory({ instance: instanceOf({ root: folder, state: folder }) });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  for (const name of await readdir(folder)) rmSync(join(folder, name), { recursive: true });
  await auditLeaks(before);
  rmSync(folder, { recursive: true });
});

/** A program in Perl, since it must be exact about descriptors. */
async function perl(script: string, more: { syncPipeEnv?: string; timeoutMs?: number } = {}) {
  return await processes.run({ argv: ["perl", "-e", script, folder], env: { PATH }, ...more });
}

test("a program gets its three streams and nothing else", async () => {
  const others = processes.run({ argv: ["sleep", "0.3"] });
  const { stdout } = await perl(`opendir D, "/proc/self/fd"; my $own = fileno(D) // ""; print join " ",
    map { readlink "/proc/self/fd/$_" } grep { /\\d/ && $_ > 2 } readdir D`);
  await others;
  expect(stdout.split(" ").filter((name) => !/^\/proc\/\d+\/fd$/.test(name))).toEqual([]);
});

test("a program has default signal dispositions, no blocked signal, and a session of its own", async () => {
  const { stdout } = await processes.run({ argv: ["cat", "/proc/self/status", "/proc/self/stat"] });
  const lines = stdout.split("\n").filter((line) => /^Sig(Blk|Ign)/.test(line));
  expect(lines).toEqual([`SigBlk:\t${"0".repeat(16)}`, `SigIgn:\t${"0".repeat(16)}`]);
  const [pid, , , , group, session] = stdout.trim().split("\n").at(-1)!.split(" ");
  expect([group, session]).toEqual([pid, pid]);
});

test("output beyond 1 MiB is dropped and does not stop the program", async () => {
  const { code, stdout } = await perl(`print "x" x 3_000_000; exit 5`);
  expect([code, stdout.length]).toEqual([5, 1024 * 1024]);
});

test("a run ends with its program, not with what the program left running", async () => {
  const { stdout } = await perl(`$| = 1; print "done"; unless (fork) { sleep 300; exit }`, { timeoutMs: 20_000 });
  expect(stdout).toBe("done");
  await killChildrenWith(folder);
});

test("the deadline kills the program with its process group", async () => {
  await expect(perl(`fork; sleep 300`, { timeoutMs: 200 })).rejects.toMatchObject({ code: "DeadlineExceeded" });
  expect(await pidsWith(folder)).toEqual([]);
});

test("what can not be started is told by name", async () => {
  const start = (more: object) => processes.run({ argv: ["true"], ...more });
  await expect(start({ cwd: "/no/folder" })).rejects.toThrow("directory /no/folder can not be entered: ENOENT");
  await expect(start({ netns: "/no/ns" })).rejects.toThrow("network namespace /no/ns can not be entered: ENOENT");
  await expect(processes.run({ argv: ["/etc/passwd"] })).rejects.toThrow("EACCES");
});

/** What conmon does: a grandchild in its own session that keeps the standard streams and reports through the pipe. */
const DAEMON = `my $n = $ENV{SYNC}; if (fork) { exit 3 } use POSIX; setsid(); select undef, undef, undef, 0.2;
  warn "early"; open S, ">&=", $n; syswrite S, "{\\"pid\\": $$}\\nmore"; close S; $SIG{PIPE} = "DEFAULT";
  warn "late" for 1 .. 10; open F, ">", "$ARGV[0]/alive"; close F; sleep 300`;

test("a sync line comes through, and the daemon behind it survives the agent", async () => {
  const { code, sync, stderr } = await perl(DAEMON, { syncPipeEnv: "SYNC" });
  expect([code, stderr]).toEqual([3, expect.stringContaining("early")]);
  const { pid } = JSON.parse(sync!) as { pid: number };
  while (!existsSync(join(folder, "alive"))) await pause(5);
  process.kill(agent.pid!, "SIGKILL");
  while ((await processes.run({ argv: ["true"] }).catch(() => undefined)) === undefined);
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  expect(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]).toBe("1"); // adopted by init, which reaps it
  expect((await readdir(`/proc/${pid}/fd`)).sort()).toEqual(expect.arrayContaining(["0", "1", "2"]));
  await killChildrenWith(folder);
});

test("a sync pipe that closes without a line ends the run", async () => {
  expect(await perl(`warn "no"; exit 1`, { syncPipeEnv: "SYNC" })).toMatchObject({ code: 1, sync: "" });
});

test("calls under way when the agent dies reject with Unavailable; the next call works", async () => {
  const running = [perl("sleep 300"), perl("sleep 300")];
  while ((await pidsWith(folder)).length < 2) await pause(5);
  process.kill(agent.pid!, "SIGKILL");
  for (const run of running) await expect(run).rejects.toMatchObject({ code: "Unavailable" });
  expect((await perl("exit 0")).code).toBe(0);
  await killChildrenWith(folder);
});

test("without perl every call tells what to install", async () => {
  await using lame = new Agent({ clock: systemClock, perl: "/no/perl" });
  for (let i = 0; i < 2; i++) {
    await expect(createProcessHost(lame).run({ argv: ["true"] })).rejects.toMatchObject({
      code: "FailedPrecondition",
      message: expect.stringMatching(/no \/no\/perl; apt-get install perl-base/),
    });
  }
});

test("a datagram reaches a unix socket by path and by abstract name", async () => {
  for (const socket of [join(folder, "notify"), `@minke-agent-test-${process.pid}`]) {
    const receiver = processes.stream({
      argv: [
        "perl",
        "-e",
        `use Socket; my $to = $ARGV[0]; $to =~ s/^\\@/\\0/; socket(my $s, PF_UNIX, SOCK_DGRAM, 0);
         bind($s, sockaddr_un($to)) or die $!; $| = 1; print "up\n"; recv($s, my $got, 100, 0); print $got`,
        socket,
      ],
    });
    let output = "";
    receiver.stdout.on("data", (chunk: Buffer) => (output += String(chunk)));
    while (!output.includes("up")) await pause(5);
    await processes.sendDatagram(socket, "READY=1");
    expect(await receiver.exited).toBe(0);
    expect(output).toBe("up\nREADY=1");
  }
  await expect(processes.sendDatagram(join(folder, "nobody"), "x")).rejects.toMatchObject({ code: "Unavailable" });
});

test("the end of a process that is no child of ours is told, also over the agent's own death", async () => {
  const children = [0, 1].map(() => spawn("sleep", ["1000"], { stdio: "ignore" }));
  const ends = children.map(({ pid }) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    processes.watch(pid!, () => resolve(pid!));
    return promise;
  });
  children[0]!.kill("SIGKILL");
  expect(await ends[0]).toBe(children[0]!.pid);
  process.kill(agent.pid!, "SIGKILL");
  await processes.run({ argv: ["true"] }).catch(() => {});
  await processes.run({ argv: ["true"] });
  children[1]!.kill("SIGKILL");
  expect(await ends[1]).toBe(children[1]!.pid);
  // One that has ended long ago.
  const late = Promise.withResolvers<void>();
  processes.watch(2 ** 22 - 1, late.resolve);
  await late.promise;
});

test("an end that a child between fork and exec still holds on to mixes nothing up", async () => {
  const watched = spawn("sleep", ["1000"], { stdio: "ignore" });
  const ended = Promise.withResolvers<void>();
  processes.watch(watched.pid!, ended.resolve);
  // It opens its namespace before it becomes its program: a fifo holds it there.
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  const held = processes.run({ argv: ["true"], netns: fifo }).catch(String);
  await processes.run({ argv: ["true"] });
  watched.kill("SIGKILL");
  await ended.promise;
  const rounds = Array.from({ length: 20 }, async (_, i) => (await processes.run({ argv: ["echo", `${i}`] })).stdout);
  expect(await Promise.all(rounds)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}\n`));
  await writeFile(fifo, "");
  expect(await held).toContain("namespace");
});

test("many programs at once", async () => {
  const codes = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => (await processes.run({ argv: ["sh", "-c", `exit ${i}`] })).code),
  );
  expect(codes).toEqual(Array.from({ length: 60 }, (_, i) => i));
});

test("a pinned namespace has lo, its host name and its sysctls, and programs can enter it", async () => {
  const paths = { net: join(folder, "net"), ipc: join(folder, "ipc"), uts: join(folder, "uts") };
  const sysctls = { "net.core.somaxconn": "4321", "kernel.shm_rmid_forced": "1" };
  await namespaces.pin({ paths, hostname: "a-pod", sysctls });
  const inside = ["sh", "-c", "cat /sys/class/net/lo/operstate /proc/sys/net/core/somaxconn; ip addr show lo"] as const;
  const { stdout } = await processes.run({ argv: inside, netns: paths.net });
  expect(stdout).toContain("4321");
  expect(stdout).toContain("inet 127.0.0.1/8");
  const child = processes.stream({ argv: ["cat", "/proc/sys/net/core/somaxconn"], netns: paths.net });
  expect(
    String(
      await child.stdout[Symbol.asyncIterator]()
        .next()
        .then(({ value }) => value as Buffer),
    ),
  ).toBe("4321\n");
  expect(await child.exited).toBe(0);
  const script = "hostname; cat /proc/sys/kernel/shm_rmid_forced";
  expect(
    execFileSync("nsenter", [`--uts=${paths.uts}`, `--ipc=${paths.ipc}`, "sh", "-c", script], { encoding: "utf8" }),
  ).toBe("a-pod\n1\n");
  for (const path of Object.values(paths)) await namespaces.unpin(path);
});

test("an overlay of 120 layers with long names, and one with separators in its names", async () => {
  const root = join(folder, "overlay");
  const lower = Array.from({ length: 120 }, (_, i) => join(root, "layers", "f".repeat(60) + i));
  lower.push(join(root, "layers", "odd:name,here"));
  for (const [i, path] of lower.entries()) {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, `file${i}`), "");
    await writeFile(join(path, "same"), String(i));
  }
  const [upper, work, target] = [join(root, "up,per"), join(root, "work"), join(root, "target")];
  for (const path of [upper, work, target]) await mkdir(path);
  await mounts.overlay({ lower, upper, work, target });
  expect(await readdir(target)).toHaveLength(lower.length + 1);
  expect(await readFile(join(target, "same"), "utf8")).toBe("0");
  await writeFile(join(target, "new"), "");
  expect(await readdir(upper)).toEqual(["new"]);
  await mounts.unmount(target);
  expect(await readdir(root)).toEqual(["layers", "target", "up,per", "work"]);
});

test("a bind mount can be read-only; one that fails half way is undone", async () => {
  const [source, target] = [join(folder, "source"), join(folder, "bound")];
  await mkdir(source);
  await mkdir(target);
  await mounts.mount({ type: "none", source, target, flags: ["rbind", "ro", "rslave"] });
  await expect(writeFile(join(target, "x"), "")).rejects.toMatchObject({ code: "EROFS" });
  await mounts.unmount(target);
  await expect(
    mounts.mount({ type: "none", source: join(folder, "none"), target, flags: ["bind"] }),
  ).rejects.toMatchObject({ code: "NotFound", message: expect.stringContaining(target) });
  expect(await mounts.list(target)).toEqual([]);
});

async function pidsWith(word: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(
    pids.map(async (pid) => await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return pids.filter((_, i) => lines[i]!.startsWith("perl\0-e") && lines[i]!.includes(word)).map(Number);
}

async function killChildrenWith(word: string): Promise<void> {
  for (const pid of await pidsWith(word)) process.kill(pid, "SIGKILL");
  while ((await pidsWith(word)).length > 0) await pause(5);
}
