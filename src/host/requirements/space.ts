/** Room for images and writable layers. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";

import type { Requirement } from "../requirements.ts";
import { found, warning } from "./verdict.ts";

const MIB = 1024 * 1024;
/** Below this a warning, and never a refusal: a node with a full disk must still come up and look after its Pods. */
const FREE_WARN_BYTES = 1024 * MIB;

export async function checkSpace(root: string): Promise<Requirement[]> {
  const name = "free space";
  const remedy = `free some space, or choose another folder with --root`;
  for (let folder = root; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      const detail = `${Math.floor(free / MIB)} MiB at ${folder}`;
      return [free < FREE_WARN_BYTES ? warning(name, detail, remedy) : found(name, detail)];
    } catch {
      if (folder === dirname(folder)) return [warning(name, `unknown for ${root}`, remedy)];
    }
  }
}
