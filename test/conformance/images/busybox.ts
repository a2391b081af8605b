/**
 * Debian's busybox with the libraries it needs, as entries of a layer. It is the package `busybox` and not `busybox-static`,
 * which the other tests use: the static one's shell runs its applets without executing a file, so that a spec that
 * masks `/bin/ls` would see `ls` work. The two packages exclude each other, hence it is unpacked and not installed.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { LayerEntry } from "./layer.ts";

/** Two applets that Debian leaves out of its busybox and critest runs, by what busybox does have. */
const MISSING_APPLETS: Readonly<Record<string, string>> = {
  pgrep: '#!/bin/sh\nexec pidof "$1"\n',
  ipcs: "#!/bin/sh\nexec cat /proc/sysvipc/shm\n",
};
const PASSWD = [
  "root:x:0:0:root:/root:/bin/sh",
  "www-data:x:33:33:www-data:/var/www:/bin/false",
  "nobody:x:65534:65534:nobody:/:/bin/false",
];
const GROUP = ["root:x:0:", "www-data:x:33:", "nogroup:x:65534:"];

export interface Busybox {
  /** The program alone, which wants Debian's C library. */
  readonly program: Buffer;
  /** A whole root file system. */
  readonly entries: readonly LayerEntry[];
}

/**
 * Applets are hard links, as in the official image: masking `/bin/ls` must mask that one path, and a symbolic link would
 * lead the mask to busybox itself.
 */
export function fetchBusybox(): Busybox {
  const folder = mkdtempSync(join(tmpdir(), "minke-busybox-"));
  try {
    execFileSync("apt-get", ["download", "busybox"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    const [archive] = readdirSync(folder);
    execFileSync("dpkg-deb", ["--extract", archive!, "files"], { cwd: folder });
    const path = join(folder, "files/bin/busybox");
    const program = readFileSync(path);
    const applets = execFileSync(path, ["--list"], { encoding: "utf8" })
      .split("\n")
      .filter((name) => name !== "" && name !== "busybox");
    const missing = Object.entries(MISSING_APPLETS).filter(([name]) => !applets.includes(name));
    const libraries = librariesOf(path);
    const folders = ["bin", "dev", "etc", "proc", "sys", "usr", "var", ...parentsOf(libraries)];
    const entries: LayerEntry[] = [
      ...folders.map((name) => ({ type: "folder", path: name, mode: 0o755 }) as const),
      { type: "folder", path: "root", mode: 0o700 },
      { type: "folder", path: "tmp", mode: 0o1777 },
      ...libraries.map((library) => file(library.slice(1), readFileSync(library), 0o755)),
      file("bin/busybox", program, 0o755),
      ...applets.map((name) => ({ type: "hardlink", path: `bin/${name}`, target: "bin/busybox" }) as const),
      ...missing.map(([name, script]) => file(`bin/${name}`, Buffer.from(script), 0o755)),
      file("etc/passwd", Buffer.from(`${PASSWD.join("\n")}\n`), 0o644),
      file("etc/group", Buffer.from(`${GROUP.join("\n")}\n`), 0o644),
    ];
    return { program, entries };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The shared libraries of a program, its loader included, as this machine has them. */
function librariesOf(program: string): readonly string[] {
  const lines = execFileSync("ldd", [program], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => line.match(/\/\S+/)?.[0] ?? []);
}

/** The folders above files, each once and before what is in it. */
function parentsOf(paths: readonly string[]): readonly string[] {
  const parents = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/").slice(1, -1);
    for (let depth = 1; depth <= parts.length; depth++) parents.add(parts.slice(0, depth).join("/"));
  }
  return [...parents];
}

function file(path: string, content: Buffer, mode: number): LayerEntry {
  return { type: "file", path, content, mode };
}
