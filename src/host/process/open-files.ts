/** What a process holds open. */
import { readdir, readFile, readlink } from "node:fs/promises";

export interface OpenFiles {
  readonly descriptors: number;
  readonly sockets: number;
  /** Soft limit of the number of descriptors; undefined when there is none. */
  readonly limit?: number;
}

/** undefined when the process is gone. */
export async function openFiles(pid: number): Promise<OpenFiles | undefined> {
  try {
    const folder = `/proc/${pid}/fd`;
    const names = await readdir(folder);
    const targets = await Promise.all(names.map(async (name) => readlink(`${folder}/${name}`).catch(() => "")));
    const sockets = targets.filter((target) => target.startsWith("socket:")).length;
    const limit = /^Max open files\s+(\d+)/m.exec(await readFile(`/proc/${pid}/limits`, "utf8"))?.[1];
    return { descriptors: names.length, sockets, ...(limit === undefined ? {} : { limit: Number(limit) }) };
  } catch {
    return undefined;
  }
}
