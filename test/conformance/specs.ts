/** Runs critest once and reads ginkgo's report of it. */
import { spawn } from "node:child_process";
import { openSync, closeSync, readFileSync, existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

export type Outcome = "passed" | "failed" | "skipped";

export interface SpecResult {
  /** Names of the containers and of the spec, joined by a space: unique. */
  readonly name: string;
  readonly outcome: Outcome;
  /** The failure's message, or why it was skipped; empty when neither is told. */
  readonly message: string;
  readonly milliseconds: number;
}

export interface CritestOptions {
  /** Path of critest; ginkgo, which runs its specs side by side, is looked for beside it first. */
  readonly program: string;
  readonly endpoint: string;
  /** Folder for the report and the output. */
  readonly scratch: string;
  /** Name of this run, for its files. */
  readonly name: string;
  /** More than one: ginkgo runs so many specs side by side. */
  readonly parallel: number;
  readonly focus: readonly string[];
  readonly skip: readonly string[];
}

/** Parts of ginkgo's JSON report that are read here. */
interface GinkgoSpec {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly RunTime: number;
  readonly Failure?: { readonly Message?: string };
}

/** Name of crictl's own tests. */
export const CRICTL_TESTS = "crictl-e2e";
/** Milliseconds for one whole run. */
const RUN_MS_MAX = 60 * 60_000;
/** ginkgo's states that are a failure; the others are passed, skipped and pending. */
const FAILED = new Set(["failed", "aborted", "panicked", "interrupted", "timedout"]);

/** Every spec that was not filtered out by name. Throws when critest wrote no report. */
export async function runCritest(options: CritestOptions): Promise<readonly SpecResult[]> {
  const { program, endpoint, parallel, focus, skip } = options;
  return await runSpecs(options, program, [
    `--runtime-endpoint=${endpoint}`,
    ...(parallel > 1 ? [`--parallel=${parallel}`] : []),
    ...focus.map((pattern) => `--ginkgo.focus=${pattern}`),
    ...skip.map((pattern) => `--ginkgo.skip=${pattern}`),
  ]);
}

/** crictl's own tests, which build-critest.ts puts beside critest. They count on a runtime with no image and no Pod. */
export async function runCrictlTests(options: CritestOptions): Promise<readonly SpecResult[]> {
  const folder = dirname(options.program);
  return await runSpecs(options, join(folder, CRICTL_TESTS), [
    `--crictl-binary-path=${join(folder, "crictl")}`,
    `--crictl-runtime-endpoint=${options.endpoint}`,
  ]);
}

async function runSpecs(
  { scratch, name }: Pick<CritestOptions, "scratch" | "name">,
  program: string,
  args: readonly string[],
): Promise<readonly SpecResult[]> {
  const report = join(scratch, `${name}.json`);
  const log = join(scratch, `${name}.log`);
  await runSuite(program, [...args, `--ginkgo.json-report=${report}`, "--ginkgo.no-color", "--ginkgo.v"], log);
  if (!existsSync(report))
    throw new Error(`Cannot read the report of ${program}: it wrote none; its output is in ${log}`);
  const suites = JSON.parse(readFileSync(report, "utf8")) as { SpecReports: GinkgoSpec[] }[];
  return suites.flatMap(({ SpecReports }) => SpecReports.flatMap(resultOf));
}

/** Runs a suite of specs with its output in a file; its exit code says no more than the report does. */
export async function runSuite(program: string, args: readonly string[], log: string): Promise<void> {
  const output = openSync(log, "w");
  const { HTTP_PROXY: _1, http_proxy: _2, ...inherited } = process.env; // critest would send its checks there
  const path = `${dirname(program)}${delimiter}${inherited["PATH"] ?? ""}`;
  const env = { ...inherited, PATH: path, CRI_CONFIG_FILE: "/dev/null" };
  const argv = [`-test.timeout=${RUN_MS_MAX}ms`, ...args];
  const child = spawn(program, argv, { stdio: ["ignore", output, output], env });
  await new Promise<void>((done, fail) => {
    child.once("error", fail);
    child.once("exit", () => done());
  });
  closeSync(output);
}

function resultOf(spec: GinkgoSpec): SpecResult[] {
  const setUp = spec.LeafNodeType !== "It";
  if (setUp && !FAILED.has(spec.State)) return [];
  const message = spec.Failure?.Message ?? "";
  // Skipped without a word: filtered out by its name.
  if (spec.State === "skipped" && message === "") return [];
  return [
    {
      name: [...(spec.ContainerHierarchyTexts ?? []), setUp ? `[${spec.LeafNodeType}]` : spec.LeafNodeText].join(" "),
      outcome: FAILED.has(spec.State) ? "failed" : spec.State === "passed" ? "passed" : "skipped",
      message,
      milliseconds: spec.RunTime / 1e6,
    },
  ];
}
