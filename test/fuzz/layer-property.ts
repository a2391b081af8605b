/**
 * What must hold for any bytes that come as an image's layer: nothing outside of the layer's folder is touched, a refusal is a
 * MinkeError and leaves nothing, no step takes long, and what the filter lets out depends on the bytes, not on their pieces.
 */
import { strict as assert } from "node:assert";
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";

import { isMinkeError } from "../../src/base/errors.ts";
import type { Host } from "../../src/host/host.ts";
import { LayerFilter } from "../../src/oci/layer-filter.ts";
import { unpackLayer } from "../../src/oci/layers.ts";
import { streamOf } from "../fixtures/layer-tar.ts";
import { hostileTar } from "./hostile-tar.ts";

const LIMITS = { entries: 300, bytes: 256 * 1024 };
/** Milliseconds that one small archive may take: far more than it does. */
const CASE_MS_MAX = 20_000;

/** Unpacks with GNU tar in `scratch`, which must be empty, beside a folder that must not change. */
export function unpackProperty(host: Pick<Host, "process">, scratch: string): fc.IAsyncProperty<unknown> {
  const canary = join(scratch, "canary");
  mkdirSync(join(canary, "folder"), { recursive: true });
  for (const name of ["file", "folder/file"]) writeFileSync(join(canary, name), "unharmed");
  const before = treeOf(canary);
  const target = join(scratch, "layer");
  return fc.asyncProperty(hostileTar, async ({ blob, pieceBytes }) => {
    const begin = performance.now();
    let isRefused = false;
    try {
      await unpackLayer({ host, blob: streamOf(blob(canary), pieceBytes), target, limits: LIMITS });
    } catch (error) {
      if (!isMinkeError(error)) throw error;
      isRefused = true;
    }
    assert.equal(existsSync(target), !isRefused, "a refused layer leaves nothing");
    assert.deepEqual(readdirSync(scratch).toSorted(), isRefused ? ["canary"] : ["canary", "layer"]);
    assert.deepEqual(treeOf(canary), before, "what is beside the layer has changed");
    rmSync(target, { recursive: true, force: true });
    assert.ok(performance.now() - begin < CASE_MS_MAX, "it took too long");
  });
}

/** The filter alone: the same bytes in other pieces give the same stream, or the same refusal. */
export function filterProperty(): fc.IProperty<unknown> {
  return fc.property(hostileTar, ({ blob, pieceBytes }) => {
    const bytes = blob("/outside");
    assert.equal(filtered(bytes, pieceBytes), filtered(bytes, bytes.length || 1));
  });
}

function filtered(tar: Buffer, pieceBytes: number): string {
  const filter = new LayerFilter(LIMITS);
  const out: Buffer[] = [];
  try {
    // The stream's own limit counts whole pieces; it is tested elsewhere.
    for (let at = 0; at < Math.min(tar.length, LIMITS.bytes); at += pieceBytes) {
      for (const piece of filter.push(tar.subarray(at, Math.min(at + pieceBytes, LIMITS.bytes))))
        out.push(Buffer.from(piece));
    }
    out.push(...filter.end());
  } catch (error) {
    if (!isMinkeError(error)) throw error;
    return error.message;
  }
  return Buffer.concat(out).toString("latin1");
}

/** Everything that a write, a link, a change of mode or owner would change. */
function treeOf(folder: string): readonly string[] {
  const names = ["", ...(readdirSync(folder, { recursive: true }) as string[])].toSorted();
  return names.map((name) => {
    const { ino, nlink, size, mode, ctimeMs } = lstatSync(join(folder, name));
    return [name, ino, nlink, size, mode, ctimeMs].join(" ");
  });
}
