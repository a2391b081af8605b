/**
 * `npm run conformance`: critest against Minke's CRI.
 *
 *     npm run conformance                          three runs and one in parallel; writes docs/conformance.md
 *     npm run conformance -- --benchmark           critest's benchmark of Minke and of containerd; writes its part of the document
 *     npm run conformance -- --focus 'Image' --runs 1 [--parallel 4] [--runtime containerd]
 *
 * With --focus, --skip or another runtime than Minke the result is only printed. Needs root, `critest` on the PATH (build-critest.ts makes one), and the Debian
 * packages docker-registry, skopeo, busybox-static and mmdebstrap; the benchmark needs containerd as well.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { startContainerd } from "./containerd.ts";
import { buildConformanceImages } from "./images/build.ts";
import { startMinke } from "./minke.ts";
import { onPath } from "./program.ts";
import { startRegistry } from "./registry.ts";
import { type SpecResult, runCritest } from "./specs.ts";
import type { Subject, SubjectOptions } from "./subject.ts";

const SUBJECTS: Readonly<Record<string, (options: SubjectOptions) => Promise<Subject>>> = {
  minke: startMinke,
  containerd: startContainerd,
};

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "minke" },
    runs: { type: "string", default: "3" },
    parallel: { type: "string", default: "1" },
    focus: { type: "string", multiple: true, default: [] },
    skip: { type: "string", multiple: true, default: [] },
    keep: { type: "boolean", default: false },
  },
});
const start = SUBJECTS[values.runtime];
if (!start)
  throw new Error(`Cannot run against ${values.runtime}: it must be one of ${Object.keys(SUBJECTS).join(", ")}`);
if (process.getuid?.() !== 0) throw new Error("Cannot run critest: it needs root, as the runtime does");
if (onPath("critest") === undefined) {
  throw new Error(
    "Cannot run critest: it is not on the PATH; build it by `node test/conformance/build-critest.ts v1.37.0 --out DIR` and put DIR on the PATH",
  );
}

const scratch = mkdtempSync(join(tmpdir(), "minke-conformance-"));
const images = await buildConformanceImages((line) => console.error(line));
let failed = 0;
{
  await using registry = await startRegistry(images, scratch);
  await using subject = await start({ scratch, hosts: registry.hosts });
  console.error(`${subject.version} at ${subject.endpoint}; output in ${scratch}`);
  for (let run = 1; run <= Number(values.runs); run++) {
    const parallel = Number(values.parallel);
    const options = { endpoint: subject.endpoint, scratch, parallel, focus: values.focus, skip: values.skip };
    const results = await runCritest({ ...options, name: `run-${run}` });
    failed += print(`run ${run}`, results);
  }
}
if (!values.keep && failed === 0) rmSync(scratch, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);

/** Prints what did not pass, and the counts; returns how many failed. */
function print(run: string, results: readonly SpecResult[]): number {
  const by = (outcome: string): readonly SpecResult[] => results.filter((result) => result.outcome === outcome);
  for (const { name, outcome, message } of results) {
    if (outcome !== "passed")
      console.log(`${outcome}  ${name}\n        ${message.split("\n").slice(0, 8).join("\n        ")}`);
  }
  console.log(`${run}: ${by("passed").length} passed, ${by("failed").length} failed, ${by("skipped").length} skipped`);
  return by("failed").length;
}
