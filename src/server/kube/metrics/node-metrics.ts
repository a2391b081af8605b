/**
 * `/metrics`: what this one process does as API server, as kubelet and as a process, in Prometheus' text under the names that
 * kube-apiserver, the kubelet and Prometheus' Node client use. Everything is read when it is asked for.
 */
import { readdirSync, readFileSync } from "node:fs";

import type { Pod } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf, STORED_RESOURCES } from "../../../api/resources.ts";
import { VERSION } from "../../../base/version.ts";
import type { KubeServerOptions, RequestContext } from "../context.ts";
import { sendBytes } from "../respond.ts";
import { Exposition, METRICS_TYPE, type Sample } from "./exposition.ts";
import { DURATION_BOUNDS_S, type RequestMetrics } from "./request-metrics.ts";

export function sendNodeMetrics(context: RequestContext): void {
  const { node, metrics } = context;
  const page = new Exposition();
  addApiMetrics(page, node, metrics);
  addKubeletMetrics(page, node);
  addProcessMetrics(page);
  sendBytes(context, 200, Buffer.from(page.toString()), METRICS_TYPE);
}

function addApiMetrics(page: Exposition, { store, audit }: KubeServerOptions, requests: RequestMetrics): void {
  page
    .add("counter", "apiserver_request_total", "Requests that have ended, by what they asked for.", requests.totals())
    .histogram(
      "apiserver_request_duration_seconds",
      "How long requests took, in seconds.",
      DURATION_BOUNDS_S,
      requests.durations(),
    )
    .add("gauge", "apiserver_current_inflight_requests", "Requests under way.", requests.inFlight())
    .add("gauge", "apiserver_longrunning_requests", "Watches, logs and sessions that are open.", requests.longRunning())
    .add("gauge", "apiserver_storage_objects", "Objects in the store.", storedObjects(store));
  if (!audit) return;
  const { written, lost } = audit.counts;
  page
    .add("counter", "apiserver_audit_event_total", "Lines of the audit log.", [{ value: written }])
    .add("counter", "apiserver_audit_error_total", "Lines of the audit log that could not be written.", [
      { labels: { plugin: "log" }, value: lost },
    ]);
}

function* storedObjects(store: KubeServerOptions["store"]): Generator<Sample> {
  for (const resource of STORED_RESOURCES.filter(
    ({ verbs, absent }) => verbs.includes("list") && absent === undefined,
  )) {
    const name = resourceNameOf(resource);
    yield { labels: { resource: name }, value: store.list(name).items.length };
  }
}

/** Also what the kubelet's own `/metrics` answers, as far as it is known here. */
export function addKubeletMetrics(page: Exposition, { store, nodeName }: KubeServerOptions): void {
  const pods = store.list(resourceNameOf(PODS)).items as readonly Pod[];
  const states = { created: 0, exited: 0, running: 0 };
  for (const { status } of pods) {
    const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
    for (const { state } of [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]) {
      if (state?.running) states.running++;
      else if (state?.terminated) states.exited++;
      else states.created++;
    }
  }
  const running = pods.filter(({ status }) => status?.phase === "Running").length;
  page
    .add("gauge", "kubelet_node_name", "The name of the node.", [{ labels: { node: nodeName }, value: 1 }])
    .add("gauge", "kubelet_running_pods", "Pods that run.", [{ value: running }])
    .add(
      "gauge",
      "kubelet_running_containers",
      "Containers by their state.",
      Object.entries(states).map(([state, value]) => ({ labels: { container_state: state }, value })),
    );
}

function addProcessMetrics(page: Exposition): void {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const cpu = process.cpuUsage();
  const gauge = (name: string, help: string, value: number, labels = {}): void =>
    void page.add("gauge", name, help, [{ labels, value }]);
  page.add("counter", "process_cpu_seconds_total", "CPU time of the process, in seconds.", [
    { value: (cpu.user + cpu.system) / 1e6 },
  ]);
  gauge("process_resident_memory_bytes", "Memory in use.", rss);
  gauge("process_virtual_memory_bytes", "Address space in use.", kilobytesOf("VmSize") * 1024);
  gauge("process_start_time_seconds", "When it began, in Unix time.", performance.timeOrigin / 1000);
  gauge("process_open_fds", "Open files.", readdirSync("/proc/self/fd").length);
  gauge("process_max_fds", "Files that may be open.", fileLimit());
  gauge("nodejs_heap_size_total_bytes", "Heap that V8 has.", heapTotal);
  gauge("nodejs_heap_size_used_bytes", "Heap that V8 uses.", heapUsed);
  gauge("nodejs_external_memory_bytes", "Memory beside V8's heap.", external);
  gauge("nodejs_version_info", "The version of Node.js.", 1, { version: process.version });
  gauge("minke_build_info", "The version of Minke.", 1, { version: VERSION });
}

function kilobytesOf(field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0);
}

function fileLimit(): number {
  const [, soft = "unlimited"] = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
