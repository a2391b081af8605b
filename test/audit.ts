/**
 * The leak audit: what is on the machine before a test must be on it after, no more and no less. It looks at the kernel
 * (namespaces, mounts, links, firewall, cgroups, processes) and at files, never at what the code under test says.
 *
 *   const before = await takeInventory({ instance });
 *   …
 *   await auditLeaks(before); // throws with one line per difference
 *
 * With an instance, only what can be told to be that instance's counts, so that other work on the machine does no harm;
 * without one, the whole machine counts, less this test's own process tree.
 */
import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { sleep, systemClock } from "../src/base/clock.ts";
import { layoutOf } from "../src/host/cgroup/layout.ts";
import { subtree } from "../src/host/cgroup/tree.ts";
import { sliceOf } from "../src/host/cgroup/units.ts";
import type { Instance } from "../src/host/instance.ts";
import { type MountEntry, parseMountinfo } from "../src/host/mountinfo.ts";
import { scaled } from "./fixtures/emulated.ts";

/** Milliseconds that the kernel and dying processes get to clean up behind themselves before a difference is a leak. */
const GRACE_MS = scaled(3000, 20_000);
const PAUSE_MS = 50;
/** Folders of a layer or an image are opaque: their content is the image's. */
const OPAQUE = /\/(layers|blobs|merged|rootfs|upper|work)\/[^/]+$/;

export const INVENTORY_KINDS = ["namespace", "mount", "link", "firewall", "cgroup", "unit", "process", "file"] as const;
export type InventoryKind = (typeof INVENTORY_KINDS)[number];
/** What comes and goes by itself: its absence is no loss. */
const TRANSIENT: ReadonlySet<InventoryKind> = new Set(["process", "namespace"]);

export interface InventoryOptions {
  readonly instance?: Instance;
  /** More folders to list, such as those with IP leases. The root and the state folder of an instance are always listed. */
  readonly folders?: readonly string[];
  /** Paths of files that do not count, such as the store's own. */
  readonly ignore?: RegExp;
}

export interface Inventory {
  readonly options: InventoryOptions;
  /** kind → a name that is the same at the next look → what a reader wants to know of it. */
  readonly items: Readonly<Record<InventoryKind, ReadonlyMap<string, string>>>;
}

export async function takeInventory(options: InventoryOptions = {}): Promise<Inventory> {
  const mounts = parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));
  const processes = await listProcesses(options.instance);
  return {
    options,
    items: {
      namespace: namespacesOf(processes, mounts, options.instance),
      mount: mountsOf(mounts, options.instance),
      link: await linksOf(options.instance),
      firewall: await firewallOf(options.instance),
      cgroup: await cgroupsOf(options.instance),
      unit: await unitsOf(options.instance),
      process: new Map(processes.map(({ pid, start, command }) => [`${pid}@${start}`, `pid ${pid}: ${command}`])),
      file: await filesOf(options, new Set(mounts.map(({ target }) => target))),
    },
  };
}

/** One line per difference, `+` for what is new and `-` for what is gone; empty when the two are the same. */
export function compareInventories(before: Inventory, after: Inventory): string[] {
  return INVENTORY_KINDS.flatMap((kind) => {
    const [old, now] = [before.items[kind], after.items[kind]];
    const added = [...now].filter(([name]) => !old.has(name)).map(([, text]) => `+ ${kind} ${text}`);
    if (TRANSIENT.has(kind)) return added;
    return [...added, ...[...old].filter(([name]) => !now.has(name)).map(([, text]) => `- ${kind} ${text}`)];
  });
}

/** Throws an Error that lists all differences. */
export function expectSameInventory(before: Inventory, after: Inventory): void {
  const differences = compareInventories(before, after);
  if (differences.length > 0) {
    throw new Error(`The machine is not as it was before:\n${differences.map((line) => `  ${line}`).join("\n")}`);
  }
}

/** Takes the inventory again, gives the kernel {@link GRACE_MS} to settle, and throws when something is left over. */
export async function auditLeaks(before: Inventory): Promise<void> {
  const deadline = systemClock.monotonic() + GRACE_MS;
  for (;;) {
    const after = await takeInventory(before.options);
    if (compareInventories(before, after).length === 0) return;
    if (systemClock.monotonic() > deadline) return expectSameInventory(before, after);
    await sleep(systemClock, PAUSE_MS);
  }
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly start: string;
  readonly command: string;
  readonly namespaces: readonly string[];
}

async function listProcesses(instance: Instance | undefined): Promise<ProcessEntry[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = (await Promise.all(names.map(async (name) => await readProcess(name, instance)))).filter(
    (entry) => entry !== undefined,
  );
  const own = await ownTree(found);
  return found.filter(({ pid, ours }) => !own.has(pid) && ours);
}

type Seen = ProcessEntry & { readonly ours: boolean };

async function readProcess(name: string, instance: Instance | undefined): Promise<Seen | undefined> {
  const folder = join("/proc", name);
  try {
    const [stat, command, cgroup] = await Promise.all(
      ["stat", "cmdline", "cgroup"].map(async (file) => await readFile(join(folder, file), "utf8")),
    );
    const fields = stat!.slice(stat!.lastIndexOf(")") + 2).split(" ");
    const [state, parent] = fields;
    const kernelThread = (Number(fields[6]) & 0x0020_0000) !== 0;
    if (kernelThread || state === "Z") return undefined;
    const text = command!.replaceAll("\0", " ").trim();
    const ours =
      !instance ||
      [instance.root, instance.state].some((path) => text.includes(path)) ||
      cgroup!.split("\n").some((line) => cgroupTopsOf(instance).some((top) => line.includes(`:/${top}/`)));
    const namespaces = ours ? await namespacesOfProcess(folder) : [];
    return {
      pid: Number(name),
      parent: Number(parent),
      start: fields[19]!,
      command: text.slice(0, 200),
      namespaces,
      ours,
    };
  } catch {
    return undefined; // gone while we looked
  }
}

async function namespacesOfProcess(folder: string): Promise<string[]> {
  const kinds = ["net", "ipc", "uts", "pid", "mnt", "user", "cgroup"];
  const links = await Promise.all(
    // Not even root may look into every process: one with more capabilities than we have is closed.
    kinds.map(async (kind) => await readlink(join(folder, "ns", kind)).catch(() => undefined)),
  );
  return links.filter((link) => link !== undefined);
}

/** This process, the test runner above it, and all that they started and still own. */
async function ownTree(processes: readonly Seen[]): Promise<ReadonlySet<number>> {
  const runner = processes.find(({ pid }) => pid === process.ppid);
  const own = new Set([process.pid, ...(runner?.command.includes("vitest") ? [runner.pid] : [])]);
  for (let size = 0; size !== own.size;) {
    size = own.size;
    for (const { pid, parent } of processes) if (own.has(parent)) own.add(pid);
  }
  return own;
}

function namespacesOf(
  processes: readonly ProcessEntry[],
  mounts: readonly MountEntry[],
  instance: Instance | undefined,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const { pid, namespaces } of processes) {
    for (const name of namespaces) if (!found.has(name)) found.set(name, `${name}, held by process ${pid}`);
  }
  for (const { type, root, target } of mounts) {
    if (type === "nsfs" && belongs(target, instance)) found.set(root, `${root}, pinned at ${target}`);
  }
  return found;
}

function mountsOf(mounts: readonly MountEntry[], instance: Instance | undefined): Map<string, string> {
  const ours = mounts.filter(({ target }) => belongs(target, instance));
  return counted(ours.map(({ target, type, source }) => `${target} (${type}, ${source})`));
}

/** Whether a path is below the folders of the instance; every path is when there is none. */
function belongs(path: string, instance: Instance | undefined): boolean {
  return !instance || [instance.root, instance.state].some((top) => path === top || path.startsWith(`${top}/`));
}

async function linksOf(instance: Instance | undefined): Promise<Map<string, string>> {
  const names = await readdir("/sys/class/net");
  const found = new Map<string, string>();
  for (const name of names) {
    const master = await readlink(`/sys/class/net/${name}/master`).catch(() => "");
    const bridge = master.slice(master.lastIndexOf("/") + 1);
    if (instance && name !== instance.bridge && bridge !== instance.bridge) continue;
    found.set(name, bridge === "" ? name : `${name}, in bridge ${bridge}`);
  }
  return found;
}

/** The rules of nftables, which are also those of today's iptables; each with its table and chain, without counters. */
async function firewallOf(instance: Instance | undefined): Promise<Map<string, string>> {
  const ruleset = await output("nft", ["list", "ruleset"]);
  const text =
    ruleset ?? (await Promise.all(["iptables-save", "ip6tables-save"].map(async (p) => await output(p, [])))).join("");
  const rules: string[] = [];
  const context: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw
      .trim()
      .replace(/\bcounter packets \d+ bytes \d+ ?/, "")
      .replace(/\[\d+:\d+\]/, "");
    if (line === "" || line.startsWith("#")) continue;
    if (line === "}") context.pop();
    else rules.push([...context, line].join(" "));
    if (line.endsWith("{")) context.push(line.slice(0, -2));
  }
  const names = instance ? [instance.firewall, instance.network, instance.bridge, instance.hash] : [];
  return counted(instance ? rules.filter((rule) => names.some((name) => rule.includes(name))) : rules);
}

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch {
    return undefined; // not installed
  }
}

async function cgroupsOf(instance: Instance | undefined): Promise<Map<string, string>> {
  const layout = layoutOf(await readFile("/proc/self/mountinfo", "utf8"));
  if (!layout) return new Map();
  const bases =
    layout.version === 2
      ? [layout.base]
      : [...layout.hierarchies.map(({ base }) => base), ...(layout.unified === undefined ? [] : [layout.unified])];
  const found = new Map<string, string>();
  for (const base of bases) {
    for (const top of instance ? cgroupTopsOf(instance).map((path) => join(base, path)) : [base]) {
      const exists = !instance || (await readdir(top).catch(() => undefined)) !== undefined;
      for (const folder of exists ? await subtree(top) : []) found.set(folder, folder);
    }
  }
  return found;
}

/** Where either cgroup driver has what an instance makes. */
function cgroupTopsOf({ cgroupRoot }: Instance): readonly string[] {
  return [cgroupRoot, sliceOf(cgroupRoot).path];
}

/** Slices and scopes of systemd. */
async function unitsOf(instance: Instance | undefined): Promise<Map<string, string>> {
  const patterns = instance ? unitPatternsOf(instance) : [];
  const kinds = ["--type=slice", "--type=scope"];
  const list = await output("systemctl", ["list-units", "--all", "--plain", "--no-legend", ...kinds, ...patterns]);
  const names = (list ?? "").split("\n").map((line) => line.trim().split(/\s+/)[0]!);
  return counted(names.filter((name) => name !== ""));
}

function unitPatternsOf({ cgroupRoot }: Instance): readonly string[] {
  const slice = sliceOf(cgroupRoot).name;
  return [slice, slice.replace(/\.slice$/, "-*.slice"), `${cgroupRoot}-*.scope`];
}

async function filesOf(
  { instance, folders = [], ignore }: InventoryOptions,
  mountPoints: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (ignore?.test(path)) continue;
      found.set(path, path);
      if (entry.isDirectory() && !mountPoints.has(path) && !OPAQUE.test(path)) await walk(path);
    }
  };
  for (const folder of [...(instance ? [instance.root, instance.state] : []), ...folders]) await walk(folder);
  return found;
}

/** Things that may be there several times under one name: the second is another item than the first. */
function counted(names: readonly string[]): Map<string, string> {
  const counts = new Map<string, number>();
  const found = new Map<string, string>();
  for (const name of names) {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    found.set(`${name} #${count}`, count === 1 ? name : `${name} (for the ${count}. time)`);
  }
  return found;
}
