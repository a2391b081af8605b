/** Writes results into docs/conformance.md: each kind of run has its part between two marks, the rest is written by hand. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { resolve } from "node:path";

import { type Samples, quantile } from "./benchmark.ts";
import type { Outcome, SpecResult } from "./specs.ts";

const DOCUMENT = resolve(import.meta.dirname, "../../docs/conformance.md");

/** All results of one runtime by one critest under one kind of load. */
export interface Run {
  /** Which suite, with its version: `critest v1.37.0`. */
  readonly suite: string;
  readonly runtime: string;
  /** 1: one spec at a time. */
  readonly parallel: number;
  readonly seconds: number;
  readonly results: readonly SpecResult[];
}

/** Figures of one runtime. */
export interface Measured {
  readonly runtime: string;
  readonly samples: Samples;
}

/** Replaces one part of the document. */
export function writePart(part: "results" | "benchmark", text: string): void {
  const [begin, end] = [`<!-- ${part}: written by npm run conformance -->`, `<!-- /${part} -->`];
  const document = readFileSync(DOCUMENT, "utf8");
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`Cannot write ${DOCUMENT}: it has no part between ${begin} and ${end}`);
  writeFileSync(DOCUMENT, `${document.slice(0, from + begin.length)}\n${text.trim()}\n${document.slice(to)}`);
}

export function resultsText(runs: readonly Run[]): string {
  const rows = runs.map(({ suite, runtime, parallel, seconds, results }) => {
    const how = parallel === 1 ? "one by one" : `${parallel} side by side`;
    return [
      suite,
      runtime,
      how,
      ...(["passed", "failed", "skipped"] as const).map((o) => count(results, o)),
      seconds.toFixed(0),
    ];
  });
  const own = runs.filter(({ runtime }) => runtime.startsWith("minke"));
  const skipped = Map.groupBy(
    own.flatMap(({ results }) => only(results, "skipped")),
    ({ message }) => message,
  );
  const failed = runs.flatMap((run) =>
    only(run.results, "failed").map((result) => [run.runtime, run.suite, result.name]),
  );
  return [
    machine(),
    table(["suite", "runtime", "specs", "passed", "failed", "skipped", "seconds"], rows),
    "Skipped by Minke, and why, in the suites' words:",
    table(
      ["reason", "specs"],
      [...skipped].map(([reason, results]) => [
        oneLine(reason),
        [...new Set(results.map(({ name }) => groupOf(name)))].join("; "),
      ]),
    ),
    failed.length === 0 ? "Nothing failed." : "Failed:",
    ...(failed.length === 0 ? [] : [table(["runtime", "suite", "spec"], distinct(failed))]),
  ].join("\n\n");
}

export function benchmarkText(
  critest: string,
  sets: readonly { title: string; measured: readonly Measured[] }[],
): string {
  const parts = sets.map(({ title, measured }) => {
    const [minke, other] = measured as [Measured, Measured];
    const rows = [...minke.samples].map(([operation, samples]) => {
      const others = other.samples.get(operation) ?? [];
      const [ours, theirs] = [quantile(samples, 0.5), quantile(others, 0.5)];
      return [
        operation,
        ms(ours),
        ms(theirs),
        `${(ours / theirs).toFixed(2)}×`,
        ms(quantile(samples, 0.9)),
        ms(quantile(others, 0.9)),
      ];
    });
    const head = ["operation", minke.runtime, other.runtime, "ratio", "Minke, 90 %", "containerd, 90 %"];
    return `${title}\n\n${table(head, rows)}`;
  });
  return [machine(`critest ${critest}`), ...parts].join("\n\n");
}

export function count(results: readonly SpecResult[], outcome: Outcome): string {
  return String(only(results, outcome).length);
}

function only(results: readonly SpecResult[], outcome: Outcome): readonly SpecResult[] {
  return results.filter((result) => result.outcome === outcome);
}

/** The first words of a spec's name, which say its group: `[k8s.io] AppArmor …`. */
function groupOf(name: string): string {
  return name
    .replace(/^\[k8s\.io\] /, "")
    .split(" ")
    .slice(0, 3)
    .join(" ");
}

function distinct(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(rows.map((row) => [row.join("\n"), row])).values()];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 200);
}

function ms(value: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(value < 10 ? 2 : 1);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** When and on what: a figure without them says nothing. */
function machine(...more: readonly string[]): string {
  const versions = ["crun", "conmon"].map(
    (program) => execFileSync(program, ["--version"], { encoding: "utf8" }).split("\n")[0]!,
  );
  const cores = `${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const facts = [...more, ...versions, `Node ${process.version}`, `Linux ${release()}`, cores];
  return `${new Date().toISOString().slice(0, 10)}; ${facts.join(", ")}.`;
}
