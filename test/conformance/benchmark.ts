/**
 * `npm run conformance -- --benchmark`: critest's own benchmark (containers, sandboxes, images), read from the files that it
 * writes. Figures are what critest as the client sees, in milliseconds, medians over all samples.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { runSuite } from "./specs.ts";

/** Samples of each operation in one run. */
const SAMPLES = 40;
const IMAGE_SAMPLES = 15;
/** Seconds between two results until critest gives up; only a runtime that hangs takes so long. */
const GAP_SECONDS_MAX = 120;

/** What critest writes: one file per benchmark. */
interface BenchmarkFile {
  readonly operationsNames: readonly string[];
  readonly datapoints: readonly { readonly operationsDurationsNs: readonly number[] }[];
}

/** Operation, as critest calls it, to its samples in milliseconds. */
export type Samples = ReadonlyMap<string, readonly number[]>;

export interface BenchmarkOptions {
  readonly program: string;
  readonly endpoint: string;
  readonly scratch: string;
  readonly name: string;
  /** How many workers share the samples. */
  readonly parallel: number;
}

export async function runBenchmark(options: BenchmarkOptions): Promise<Samples> {
  const { scratch, name, parallel } = options;
  const out = join(scratch, name);
  mkdirSync(out);
  const settings = {
    containersNumber: SAMPLES,
    containersNumberParallel: parallel,
    containerBenchmarkTimeoutSeconds: GAP_SECONDS_MAX,
    podsNumber: SAMPLES,
    podsNumberParallel: parallel,
    podBenchmarkTimeoutSeconds: GAP_SECONDS_MAX,
    // Images are pulled one after the other: every sample pulls and removes the same one.
    imagesNumber: IMAGE_SAMPLES,
    imagesNumberParallel: 1,
    imageBenchmarkTimeoutSeconds: GAP_SECONDS_MAX,
  };
  const file = join(scratch, `${name}.json`); // JSON is YAML
  writeFileSync(file, JSON.stringify(settings));
  const log = join(scratch, `${name}.log`);
  await runSuite(
    options.program,
    [
      "--benchmark",
      `--runtime-endpoint=${options.endpoint}`,
      `--benchmarking-params-file=${file}`,
      `--benchmarking-output-dir=${out}`,
    ],
    log,
  );
  const files = readdirSync(out);
  if (files.length < 4) throw new Error(`Cannot read the benchmark: it wrote ${files.length} files of 4; see ${log}`);
  return new Map(files.flatMap((one) => samplesIn(join(out, one))));
}

function samplesIn(path: string): [string, readonly number[]][] {
  const { operationsNames, datapoints } = JSON.parse(readFileSync(path, "utf8")) as BenchmarkFile;
  return operationsNames.map((name, i) => [
    name,
    datapoints.map(({ operationsDurationsNs }) => operationsDurationsNs[i]! / 1e6),
  ]);
}

/** The value that `share` of the samples do not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
