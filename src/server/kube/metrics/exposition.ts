/** Prometheus' text format, version 0.0.4. Source: prometheus.io/docs/instrumenting/exposition_formats. */

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
  /** When it was taken, milliseconds; absent: now. */
  readonly atMs?: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  /** How many were not above each bound, without those of the bounds before. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export class Exposition {
  #text = "";

  /** A family of samples; one without samples is left out. */
  add(type: "counter" | "gauge", name: string, help: string, samples: Iterable<Sample>): this {
    let lines = "";
    for (const { labels = {}, value, atMs } of samples) {
      lines += `${name}${labelText(labels)} ${valueText(value)}${atMs === undefined ? "" : ` ${Math.round(atMs)}`}\n`;
    }
    if (lines !== "") this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines}`;
    return this;
  }

  histogram(name: string, help: string, bounds: readonly number[], samples: Iterable<HistogramSample>): this {
    let lines = "";
    for (const { labels, counts, sum, count } of samples) {
      let below = 0;
      for (const [index, bound] of bounds.entries()) {
        below += counts[index] ?? 0;
        lines += `${name}_bucket${labelText({ ...labels, le: bound })} ${below}\n`;
      }
      lines += `${name}_bucket${labelText({ ...labels, le: "+Inf" })} ${count}\n`;
      lines += `${name}_sum${labelText(labels)} ${valueText(sum)}\n${name}_count${labelText(labels)} ${count}\n`;
    }
    if (lines !== "") this.#text += `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${lines}`;
    return this;
  }

  toString(): string {
    return this.#text;
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`);
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
