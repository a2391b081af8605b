/** Layers of the conformance images, as tar archives whose bytes depend on nothing but their content. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

import { pack } from "tar-stream";

/** One entry of a layer; all belong to root. Paths are relative to the image's root. */
export type LayerEntry =
  | { readonly type: "file"; readonly path: string; readonly content: Buffer; readonly mode: number }
  | { readonly type: "folder"; readonly path: string; readonly mode: number }
  | { readonly type: "hardlink"; readonly path: string; readonly target: string };

export async function tarOf(entries: readonly LayerEntry[]): Promise<Buffer> {
  const out = pack();
  const bytes = buffer(out);
  const mtime = new Date(0);
  for (const entry of entries) {
    if (entry.type === "folder") out.entry({ name: `${entry.path}/`, type: "directory", mode: entry.mode, mtime });
    else if (entry.type === "hardlink") {
      out.entry({ name: entry.path, type: "link", linkname: entry.target, mode: 0o755, mtime });
    } else out.entry({ name: entry.path, mode: entry.mode, mtime }, entry.content);
  }
  out.finalize();
  return await bytes;
}

/** Compiles one C file of `programs/` into a static program. */
export function compile(source: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "minke-program-"));
  try {
    const program = join(folder, "program");
    execFileSync("cc", ["-Os", "-static", "-s", "-o", program, join(import.meta.dirname, "programs", source)]);
    return readFileSync(program);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
