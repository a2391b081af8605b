/**
 * Files of whoever called, also through sudo: from {@link becomeCaller} on this process has only the caller's rights, so
 * it can neither write where they may not nor be led elsewhere by a link of theirs.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { errnoOf, MinkeError } from "../../base/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface Caller {
  readonly home: string;
}

/** Gives up root for good when sudo names the caller (SUDO_UID, SUDO_GID); does nothing otherwise. */
export function becomeCaller(env: Environment): Caller {
  const uid = Number(env["SUDO_UID"] ?? Number.NaN);
  const gid = Number(env["SUDO_GID"] ?? Number.NaN);
  const isSudo = process.getuid?.() === 0 && Number.isSafeInteger(uid) && Number.isSafeInteger(gid);
  if (!isSudo || uid === 0) return { home: env["HOME"] ?? "/" };
  const home = homeOf(uid);
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  return { home };
}

/** What kubectl would change: the first file of $KUBECONFIG, or `~/.kube/config`. */
export function userKubeconfig({ home }: Caller, env: Environment): string {
  const first = (env["KUBECONFIG"] ?? "").split(delimiter).find((path) => path !== "");
  return first ?? join(home, ".kube", "config");
}

/** The text of a file; undefined when there is none. */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw unwritable(file, error);
  }
}

/** Replaces a file in one step, 0600; its folder is made. A link stays a link, and what it names is replaced. */
export async function writePrivate(file: string, text: string): Promise<void> {
  let temporary: string | undefined;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const target = await realpath(file).catch(() => file);
    temporary = join(dirname(target), `.kubeconfig.${randomBytes(4).toString("hex")}`);
    await using handle = await open(temporary, "wx", 0o600);
    await handle.writeFile(text);
    await handle.sync();
    await rename(temporary, target);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw unwritable(file, error);
  }
}

/** From /etc/passwd: HOME may be root's. */
function homeOf(uid: number): string {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  return lines.map((line) => line.split(":")).find((fields) => fields[2] === String(uid))?.[5] ?? "/";
}

function unwritable(file: string, error: unknown): MinkeError {
  const why = errnoOf(error) ?? String(error);
  return new MinkeError("PermissionDenied", `Cannot write ${file}: ${why}; choose another --output`, { cause: error });
}
