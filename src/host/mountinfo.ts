/** Reading /proc/self/mountinfo (proc_pid_mountinfo(5)). */
import type { MountPeers } from "./host.ts";

export interface MountEntry {
  readonly id: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** Path inside the file system that is the root of this mount. */
  readonly root: string;
  readonly target: string;
  readonly type: string;
  readonly source: string;
  /** Options of the file system, such as a v1 hierarchy's controllers. */
  readonly superOptions: readonly string[];
  readonly peers: MountPeers;
}

/** One entry per line, in the kernel's order: a later entry on the same target covers an earlier one. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const dash = line.indexOf(" - ");
    if (dash < 0) continue;
    const [id = "", , device = "", root = "", target = "", , ...peers] = line.slice(0, dash).split(" ");
    const [type = "", source = "", options = ""] = line.slice(dash + 3).split(" ");
    entries.push({
      id: Number(id),
      device,
      root: unescapeOctal(root),
      target: unescapeOctal(target),
      type,
      source: unescapeOctal(source),
      superOptions: options.split(","),
      peers: peersOf(peers),
    });
  }
  return entries;
}

/** Mounts at or below `prefix`, deepest first; of several on one target the topmost comes first. */
export function mountsBelow(entries: readonly MountEntry[], prefix: string): MountEntry[] {
  const folder = prefix === "/" ? "/" : `${prefix}/`;
  const depth = ({ target }: MountEntry): number => (target === "/" ? 0 : target.split("/").length);
  return entries
    .filter(({ target }) => target === prefix || target.startsWith(folder))
    .toReversed()
    .toSorted((a, b) => depth(b) - depth(a));
}

/** The topmost mount that `path`, without links, lies in. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const holds = ({ target }: MountEntry): boolean => target === "/" || path === target || path.startsWith(`${target}/`);
  return entries.filter(holds).reduce<MountEntry | undefined>((found, entry) => {
    return found && found.target.length > entry.target.length ? found : entry;
  }, undefined);
}

function peersOf(fields: readonly string[]): MountPeers {
  if (fields.some((field) => field.startsWith("shared:"))) return "shared";
  return fields.some((field) => field.startsWith("master:")) ? "slave" : "private";
}

/** The kernel writes space, tab, newline, backslash (and `#`) as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
