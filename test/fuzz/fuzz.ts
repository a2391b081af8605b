/**
 * `npm run fuzz -- --minutes N [--seed S]`: what comes from registries, against the properties beside this file, for as long as
 * you like (default: 10 minutes). Prints the number of cases; ends with code 1 and the smallest failing case. Needs root.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";

import { createHost } from "../../src/host/create-host.ts";
import { documentProperty } from "./document-property.ts";
import { filterProperty, unpackProperty } from "./layer-property.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, seed: { type: "string" } } });
/** Megabytes of memory that any number of cases may take at most. */
const RSS_MB_MAX = 1024;
/** Cases between two looks at the clock. */
const RUNS = { unpack: 200, filter: 2000, documents: 2000 } as const;

const scratch = mkdtempSync(join(tmpdir(), "minke-fuzz-"));
await using host = await createHost();
const properties = { unpack: unpackProperty(host, scratch), filter: filterProperty(), documents: documentProperty() };
const cases: Record<string, number> = {};
const end = performance.now() + Number(values.minutes) * 60_000;
let seed = Number(values.seed ?? Date.now() % 2 ** 31);
try {
  for (let told = performance.now(); process.exitCode === undefined && performance.now() < end; seed++) {
    for (const [name, property] of Object.entries(properties)) {
      const details = await fc.check<[unknown]>(property as never, { numRuns: RUNS[name as keyof typeof RUNS], seed });
      cases[name] = (cases[name] ?? 0) + details.numRuns;
      if (!details.failed) continue;
      console.error(`${name} failed with --seed ${seed}:\n${fc.defaultReportMessage(details)}`, details.errorInstance);
      process.exitCode = 1;
    }
    const rss = process.memoryUsage().rss / 2 ** 20;
    if (rss > RSS_MB_MAX) {
      console.error(`it has taken ${rss.toFixed(0)} MB of memory, more than ${RSS_MB_MAX}`);
      process.exitCode = 1;
    }
    if (performance.now() - told < 60_000) continue;
    told = performance.now();
    console.error(JSON.stringify({ ...cases, rssMb: Math.round(rss) }));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(JSON.stringify({ ...cases, seed }));
