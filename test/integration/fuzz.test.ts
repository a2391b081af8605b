/** About a minute of `npm run fuzz`, which goes on for as long as it is told to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "vitest";

import { createHost } from "../../src/host/create-host.ts";
import { scaled } from "../fixtures/emulated.ts";
import { documentProperty } from "../fuzz/document-property.ts";
import { filterProperty, unpackProperty } from "../fuzz/layer-property.ts";

/** Milliseconds: a busy machine is several times slower. */
const TIMEOUT_MS = 300_000;

test(
  "no archive gets out of its layer's folder, crashes the filter or leaves anything",
  async () => {
    await using host = await createHost();
    const scratch = mkdtempSync(join(tmpdir(), "minke-fuzz-"));
    try {
      await fc.assert(unpackProperty(host, scratch), { numRuns: scaled(3000, 100) });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
  TIMEOUT_MS,
);

test(
  "what the filter lets out depends on the bytes, not on their pieces",
  () => {
    fc.assert(filterProperty(), { numRuns: scaled(30_000, 1000) });
  },
  TIMEOUT_MS,
);

test(
  "no document from a registry crashes its reader",
  async () => {
    await fc.assert(documentProperty(), { numRuns: scaled(30_000, 1000) });
  },
  TIMEOUT_MS,
);
