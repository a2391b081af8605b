/**
 * Counts requests, by what they ask for and how they end. Counting is a few numbers in maps; all else about metrics is loaded
 * when somebody reads them. Kubernetes: apiserver pkg/endpoints/metrics/metrics.go.
 */
import type { RequestRecord } from "../request-record.ts";
import type { HistogramSample, Sample } from "./exposition.ts";

/** Upper bounds of `apiserver_request_duration_seconds`, as Kubernetes has them. */
export const DURATION_BOUNDS_S = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
] as const;
/** Different combinations of labels; what would be one more is counted without labels. */
const SERIES_MAX = 1_000;
/** Paths that have a name in the metrics. */
const NAMED_PATHS = new Set([
  "/api",
  "/apis",
  "/healthz",
  "/livez",
  "/metrics",
  "/openapi/v2",
  "/openapi/v3",
  "/readyz",
]);
const VERBS: Readonly<Record<string, string>> = { create: "POST", update: "PUT" };
const CONNECTS = new Set(["attach", "exec", "portforward", "proxy"]);

type RequestLabels = Readonly<Record<"verb" | "group" | "version" | "resource" | "subresource" | "scope", string>>;

interface Series {
  readonly labels: RequestLabels & { readonly dry_run: string };
  readonly codes: Map<number, number>;
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Without any other label. */
const OTHER: RequestLabels = { verb: "other", group: "", version: "", resource: "", subresource: "", scope: "" };

export class RequestMetrics {
  readonly #series = new Map<string, Series>();
  readonly #longRunning = new Map<string, { readonly labels: RequestLabels; count: number }>();
  readonly #inFlight = { mutating: 0, readOnly: 0 };

  /** Counts a request that is under way until it is disposed of. */
  begin(record: RequestRecord): Disposable {
    if (record.isLongRunning) {
      const labels = labelsOf(record);
      const key = Object.values(labels).join("\0");
      const open = this.#longRunning.get(key) ?? { labels, count: 0 };
      if (this.#longRunning.size < SERIES_MAX) this.#longRunning.set(key, open);
      open.count++;
      return { [Symbol.dispose]: () => void (--open.count === 0 && this.#longRunning.delete(key)) };
    }
    const kind = isReading(record) ? "readOnly" : "mutating";
    this.#inFlight[kind]++;
    return { [Symbol.dispose]: () => void this.#inFlight[kind]-- };
  }

  /** Counts a request that has ended; `code` 0: the client left before it had an answer. */
  ended(record: RequestRecord, code: number, seconds: number): void {
    const series = this.#seriesOf(record);
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    const bucket = DURATION_BOUNDS_S.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) series.counts[bucket]!++;
    series.sum += seconds;
    series.count++;
  }

  *totals(): Generator<Sample> {
    for (const { labels, codes } of this.#series.values()) {
      for (const [code, value] of codes) yield { labels: { code, component: "apiserver", ...labels }, value };
    }
  }

  *durations(): Generator<HistogramSample> {
    for (const { labels, ...rest } of this.#series.values())
      yield { labels: { component: "apiserver", ...labels }, ...rest };
  }

  *inFlight(): Generator<Sample> {
    for (const [kind, value] of Object.entries(this.#inFlight)) yield { labels: { request_kind: kind }, value };
  }

  *longRunning(): Generator<Sample> {
    for (const { labels, count } of this.#longRunning.values()) {
      yield { labels: { component: "apiserver", ...labels }, value: count };
    }
  }

  #seriesOf(record: RequestRecord): Series {
    const labels = labelsOf(record);
    const dryRun = record.isDryRun ? "All" : "";
    const key = `${Object.values(labels).join("\0")}\0${dryRun}`;
    const known = this.#series.get(key);
    if (known) return known;
    const isOne = this.#series.size < SERIES_MAX || labels === OTHER;
    if (!isOne) return this.#seriesOf({});
    const counts = DURATION_BOUNDS_S.map(() => 0);
    const series = {
      labels: { ...labels, dry_run: dryRun },
      codes: new Map<number, number>(),
      counts,
      sum: 0,
      count: 0,
    };
    this.#series.set(key, series);
    return series;
  }
}

function labelsOf({ info, isServed, isApply, method }: RequestRecord): RequestLabels {
  // What nobody serves is named by the client alone.
  if (!info || !isServed || method === undefined) return OTHER;
  if (info.type === "path" || info.resource === "") {
    const path = info.type === "path" ? info.path : "";
    return { ...OTHER, verb: method, subresource: NAMED_PATHS.has(path) ? path : "" };
  }
  const { verb, group, version, resource, subresource, name, namespace } = info;
  const scope = name !== "" || verb === "create" ? "resource" : namespace === "" ? "cluster" : "namespace";
  const plain = isApply && verb === "patch" ? "APPLY" : (VERBS[verb] ?? verb.toUpperCase());
  const called = CONNECTS.has(subresource) ? "CONNECT" : plain;
  return { verb: called, group, version, resource, subresource, scope };
}

function isReading({ info, method }: RequestRecord): boolean {
  if (info?.type !== "resource") return method === "GET" || method === "HEAD";
  return info.verb === "get" || info.verb === "list";
}
