/**
 * `npm run conformance`: critest against Minke's CRI.
 *
 *     npm run conformance                     crictl's own tests, three runs of critest, one more with specs side by side,
 *                                             one of containerd for comparison; writes its part of docs/conformance.md
 *     npm run conformance -- --benchmark      critest's benchmark of Minke and of containerd; writes its part of the document
 *     npm run conformance -- --focus 'Image' [--runtime containerd] [--runs 1] [--parallel 4]       only prints
 *
 * Needs root, a `critest` on the PATH or named by --critest (more than one may be; build-critest.ts makes them), and the
 * Debian packages docker-registry, skopeo and mmdebstrap; containerd is left out where it is not installed.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { type BenchmarkOptions, type Samples, runBenchmark } from "./benchmark.ts";
import { startContainerd } from "./containerd.ts";
import { buildConformanceImages } from "./images/build.ts";
import { startMinke } from "./minke.ts";
import { onPath } from "./program.ts";
import { startRegistry } from "./registry.ts";
import { type Run, benchmarkText, count, resultsText, writePart } from "./report.ts";
import { CRICTL_TESTS, runCrictlTests, runCritest } from "./specs.ts";
import type { Subject } from "./subject.ts";

/** Mode of a folder above containers: root of a user namespace has to find its way to its files, as below /var/lib. */
const PASSABLE = 0o711;
/** How many specs run side by side in the run under load. */
const LOAD = 4;
const SUBJECTS = { minke: startMinke, containerd: startContainerd } as const;
type SubjectName = keyof typeof SUBJECTS;

const { values } = parseArgs({
  options: {
    benchmark: { type: "boolean", default: false },
    critest: { type: "string", multiple: true, default: [] },
    runtime: { type: "string", multiple: true, default: [] },
    runs: { type: "string", default: "3" },
    parallel: { type: "string" },
    focus: { type: "string", multiple: true, default: [] },
    skip: { type: "string", multiple: true, default: [] },
  },
});
const programs = values.critest.length > 0 ? values.critest : [onPath("critest") ?? missing("critest")];
if (process.getuid?.() !== 0) throw new Error("Cannot run critest: it needs root, as the runtime does");
for (const program of ["docker-registry", "skopeo"]) if (onPath(program) === undefined) missing(program);

let runCount = 0;
const scratch = mkdtempSync(join(tmpdir(), "minke-conformance-"));
chmodSync(scratch, PASSABLE);
const images = await buildConformanceImages((line) => console.error(line));
await using registry = await startRegistry(images, scratch);
const failed = values.benchmark ? await compareSpeed() : await judge();
if (failed === 0) rmSync(scratch, { recursive: true, force: true });
else console.error(`the output of critest is in ${scratch}`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs all that was asked for; returns how many of Minke's specs failed. */
async function judge(): Promise<number> {
  const partial = [...values.focus, ...values.skip, ...values.runtime, values.parallel ?? []].flat().length > 0;
  const runs: Run[] = [];
  for (const program of programs) {
    for (const name of runtimes()) {
      await using subject = await start(name);
      if (!partial && existsSync(join(dirname(program), CRICTL_TESTS))) {
        runs.push(await runOnce(runCrictlTests, `crictl's tests ${versionOf(program)}`, program, subject, 1));
      }
      for (const parallel of loads(name, partial)) {
        runs.push(await runOnce(runCritest, `critest ${versionOf(program)}`, program, subject, parallel));
      }
    }
  }
  if (!partial) writePart("results", resultsText(runs));
  const own = runs.filter(({ runtime }) => values.runtime.length > 0 || runtime.startsWith("minke"));
  return own.flatMap(({ results }) => results.filter(({ outcome }) => outcome === "failed")).length;
}

/** How many specs at a time, for each run of a runtime. */
function loads(name: SubjectName, partial: boolean): readonly number[] {
  if (values.parallel !== undefined) return Array<number>(Number(values.runs)).fill(Number(values.parallel));
  if (name === "containerd" && !partial) return [1];
  return [...Array<number>(Number(values.runs)).fill(1), ...(partial ? [] : [LOAD])];
}

async function runOnce(
  suiteOf: typeof runCritest,
  suite: string,
  program: string,
  subject: Subject,
  parallel: number,
): Promise<Run> {
  const skip = [...values.skip, ...(knowsDigest(program) ? [] : ["public image with digest"])];
  const { endpoint, version: runtime } = subject;
  const begin = performance.now();
  const name = `run-${(runCount += 1)}`;
  const results = await suiteOf({ program, endpoint, scratch, name, parallel, focus: values.focus, skip });
  for (const { name: spec, outcome, message } of results) {
    const lines = message.split("\n").slice(0, 8).join("\n        ");
    if (outcome === "failed") console.log(`failed  ${spec}\n        ${lines}`);
  }
  const counts = (["passed", "failed", "skipped"] as const).map((outcome) => `${count(results, outcome)} ${outcome}`);
  console.log(`${name}: ${suite}, ${runtime}, ${parallel} at a time: ${counts.join(", ")}`);
  return { suite, runtime, parallel, results, seconds: (performance.now() - begin) / 1000 };
}

/** Measures both runtimes in turns, so that neither has the machine's better hour; returns 0. */
async function compareSpeed(): Promise<number> {
  const [program] = programs as [string];
  const sets = [];
  for (const parallel of [1, LOAD]) {
    const measured = new Map<SubjectName, { runtime: string; samples: Samples }>();
    for (const name of ["minke", "containerd", "containerd", "minke"] as const) {
      await using subject = await start(name);
      const round = `${name}-${parallel}-${measured.get(name) ? 2 : 1}`;
      const options: BenchmarkOptions = { program, endpoint: subject.endpoint, scratch, name: round, parallel };
      const samples = joined(measured.get(name)?.samples, await runBenchmark(options));
      measured.set(name, { runtime: subject.version, samples });
      console.error(`${subject.version}: measured with ${parallel} at a time`);
    }
    const title = parallel === 1 ? "One after the other, milliseconds:" : `${parallel} at a time, milliseconds:`;
    sets.push({ title, measured: [measured.get("minke")!, measured.get("containerd")!] });
  }
  const text = benchmarkText(versionOf(program), sets);
  console.log(text);
  writePart("benchmark", text);
  return 0;
}

function joined(before: Samples | undefined, more: Samples): Samples {
  return new Map([...more].map(([operation, samples]) => [operation, [...(before?.get(operation) ?? []), ...samples]]));
}

function runtimes(): readonly SubjectName[] {
  if (values.runtime.length === 0) return onPath("containerd") === undefined ? ["minke"] : ["minke", "containerd"];
  return values.runtime.map((name) => {
    if (!Object.hasOwn(SUBJECTS, name)) {
      throw new Error(`Cannot run against ${name}: it must be one of ${Object.keys(SUBJECTS).join(", ")}`);
    }
    return name as SubjectName;
  });
}

/** Each runtime gets a folder of its own, so that nothing is there from before. */
async function start(name: SubjectName): Promise<Subject> {
  const folder = mkdtempSync(join(scratch, `${name}-`));
  chmodSync(folder, PASSABLE);
  return await SUBJECTS[name]({ scratch: folder, hosts: registry.hosts });
}

function versionOf(program: string): string {
  const output = execFileSync(program, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return /critest version: (\S+)/.exec(output)?.[1] ?? "unknown";
}

/** Whether critest pulls our image by digest: it does when it was built by build-critest.ts, else that one spec is left out. */
function knowsDigest(program: string): boolean {
  return readFileSync(program).includes(images.digest);
}

function missing(program: string): never {
  const remedy =
    program === "critest"
      ? "build it by `node test/conformance/build-critest.ts v1.37.0 --out DIR` and put DIR on the PATH"
      : `install the Debian package ${program}`;
  throw new Error(`Cannot run critest: ${program} is not on the PATH; ${remedy}`);
}
